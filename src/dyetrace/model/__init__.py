"""The words: one noun per file, each knowing only the nouns before it.

packet -> topology -> filter -> task -> policy -> record -> path -> cause -> verdict
"""
