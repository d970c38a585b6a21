"""How records get from agents to the analyzer: append to a partition, read from an offset."""
