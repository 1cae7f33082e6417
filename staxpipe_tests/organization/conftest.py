"""Fixtures of organisations: the stand-in."""

from staxpipe_tests.aws_stand_in import *  # noqa: F403
