"""Dagster's view of staxpipe: the only package, with `staxpipe.definitions`, that imports dagster.

Every body here reads its key, calls one function of another room, and says in metadata what came of it.
No ``from __future__ import annotations`` in this package: Dagster reads annotations at run time.
"""
