"""What the benches share: statistics, reports, a lab to measure in, generated records."""
