"""Failures, sorted by what helps: doing it again, or changing something.

Every message is a sentence for a person: what happened, where, and what to do. Anything that is not
one of these types is a bug and keeps its stack trace.
"""


class StaxpipeError(Exception):
    """A failure that staxpipe understands; its text may be shown to a user as it is."""


class PermanentError(StaxpipeError):
    """Doing the same again cannot help: somebody must change something (a role, a bucket, a file)."""


class NotGrantedError(PermanentError):
    """The role does not allow something that is by choice. Nothing else suffers, and no data is at fault."""


class MemoryShortageError(PermanentError):
    """Loading a file took more memory than the machine gave. The same setting would end so again."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} could not be loaded: this machine has no more memory for it. Set STAXPIPE_MEMORY_MB lower, so "
            "that fewer rows are read at a time, or give staxpipe more memory; then load it again."
        )


class TransientError(StaxpipeError):
    """Doing the same again later may help (throttling, a cut connection, a file being replaced)."""


class AccessError(TransientError):
    """Access to a customer's account, bucket or key is refused now; the data is not at fault.

    It helps when a person changes access, and nothing else. Transient for a delivery: it is loaded once access is
    there again. For the link it is what people must be told.
    """


class OwnCredentialsError(AccessError):
    """staxpipe's own AWS credentials are missing, expired or refused: the operator's matter, no customer's.

    So are its clock, its region and its own buckets. Nothing is known about any customer then.
    """


class RoleRefusedError(AccessError):
    """The link's role cannot be assumed: nothing is known about the bucket. What is wrong, a probe tells."""


class KeyRefusedError(AccessError):
    """The KMS key that encrypts a file does not let the role decrypt it."""
