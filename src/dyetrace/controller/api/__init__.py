"""The HTTP API: `addVTrace`, `getVTraceResult`, and what belongs to them."""
