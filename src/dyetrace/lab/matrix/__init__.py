"""The scenario matrix: every fault at every place it can be put, diagnosed and compared.

The diagnosis is an argument, so that the lab need not know the product.
"""
