"""The command line: one module per command; each parses, calls, renders and exits.

Modules import what is heavy inside their functions, so that --help stays quick.
"""
