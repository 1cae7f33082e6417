"""The pages on which a person links an AWS account, for people who may not be technical; and `api`, for programs.

They write link requests, invitations, messages and the audit log, and read everything else. They never call AWS:
what becomes of a request is decided in `staxpipe.linking`.
"""
