"""Hosts the analysis: embedded in the controller's process, or in a stream engine."""
