"""Which clouds there are, which agents they have, and whose vNIC is where."""
