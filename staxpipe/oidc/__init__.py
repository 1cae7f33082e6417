"""Asking a team's OpenID Connect provider who somebody is: discovery, the code's exchange, and proof of what it says.

What such a person may do is `staxpipe.onboarding.people`'s; pages, cookies and sessions are `staxpipe.onboarding`'s.
"""
