"""How each schema came of the one before; what is released here never changes again."""
