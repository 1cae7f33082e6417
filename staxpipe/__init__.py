"""staxpipe: link an AWS account with a read-only role, get its cost as reconciled FOCUS 1.2."""

__version__ = "0.1.0"
