"""The way of one delivery: discovered, pinned, landed, made into line items, published in the marts.

Plain functions that Dagster's assets (`staxpipe.defs`) and `staxpipe load` call alike. Each is idempotent: the
ledger says what is done, and doing it again changes nothing.
"""
