"""Comparing a loaded month with what AWS says of it elsewhere: its invoices, and Cost Explorer.

What decides is pure (`invoices`, `costs`, `due`, `verdicts`); `run` acts. Nothing here changes a month: a comparison
that cannot be made is absent, and says why.
"""
