"""A generated organisation and its Cost and Usage Report: input for the demo, tests and benchmarks.

The same seed and parameters give the same bytes, and every total is known from the generator's own books.
It knows nothing of how staxpipe reads or maps a report, so that tests may compare the two.
"""
