"""From what the user means to what each VFD does: pure, no I/O, no clock."""
