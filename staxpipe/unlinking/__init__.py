"""Ending a link: pausing it at once, keeping or deleting what was loaded, and the receipt that proves a deletion.

How a role that no longer holds is noticed is `staxpipe.linking`'s; how data is read is `staxpipe.ingest`'s.
"""
