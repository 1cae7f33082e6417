"""The metadata database's history, one file a step in `versions/`; `staxpipe.db.migrate` applies it."""
