"""A native scanner of CSV texts: `scanner.c`, and how Python reaches it.

`library.py` finds and loads what is compiled, `scanner.py` makes Arrow batches with it, `unpacking.py` gives it the
bytes. What a column means is not known here.
"""
