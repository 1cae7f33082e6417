"""Failures, sorted by what helps: doing it again, or changing something.

Every message is a sentence for a person: what happened, where, and what to do. Anything that is not
one of these types is a bug and keeps its stack trace.
"""


class StaxpipeError(Exception):
    """A failure that staxpipe understands; its text may be shown to a user as it is."""


class PermanentError(StaxpipeError):
    """Doing the same again cannot help: somebody must change something (a role, a bucket, a file)."""


class TransientError(StaxpipeError):
    """Doing the same again later may help (throttling, a cut connection, a file being replaced)."""
