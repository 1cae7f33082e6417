"""Our permanent and transient errors in Dagster's words, said once."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Backoff, Failure, Jitter, RetryPolicy

from staxpipe.errors import PermanentError, TransientError

RETRY = RetryPolicy(max_retries=4, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)
"""About 10, 20, 40 and 80 seconds; what lasts longer is for the ledger's own pauses (`staxpipe.ingest.outcome`)."""


@contextmanager
def in_dagsters_words() -> Iterator[None]:
    """Let a permanent error end the step at once and a transient one be tried again; both with our sentence.

    Anything else is a bug: it keeps its stack trace, and is retried like a transient error.
    """
    try:
        yield
    except PermanentError as error:
        raise Failure(description=str(error), allow_retries=False) from error
    except TransientError as error:
        raise Failure(description=str(error), allow_retries=True) from error
