"""The doctor: whether a link works, and how well. Facts in, findings out; what gathers the facts is thin."""
