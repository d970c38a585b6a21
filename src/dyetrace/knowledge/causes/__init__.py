"""One file per cause: its docstring is the page in docs/causes, CAUSE what users see.

A cause that drop reasons alone do not show has `explains(loss)` as well, and one
whose remedy needs facts that may be missing has a FALLBACK command without them.
Causes do not know each other: which of them is asked first stands in catalogue.py.
"""
