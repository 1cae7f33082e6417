"""The pages on which a person links an AWS account, for people who may not be technical.

They write link requests, invitations, messages and the audit log, and read everything else. They never call AWS:
what becomes of a request is decided in `staxpipe.linking`.
"""
