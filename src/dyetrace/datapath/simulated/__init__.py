"""A data plane that is computed: clouds of any size, for agents that have no packets to see."""
