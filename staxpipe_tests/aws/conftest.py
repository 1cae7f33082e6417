"""Fixtures of AWS access: the stand-in, and a server that misbehaves."""

from staxpipe_tests.aws.transfers import *  # noqa: F403
from staxpipe_tests.aws_stand_in import *  # noqa: F403
