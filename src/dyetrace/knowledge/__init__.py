"""What drops mean: from a loss's facts to its cause, evidence and remedy. Pure."""
