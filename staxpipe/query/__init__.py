"""What analysts use: SQL over lake and marts, FOCUS files, and the same from Python (`connect`)."""

from staxpipe.query.connection import Connection, connect

__all__ = ["Connection", "connect"]
