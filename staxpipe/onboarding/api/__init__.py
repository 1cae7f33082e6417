"""The JSON API, version 1: what the pages do, for programs that show a token.

It decides nothing of its own: what may be done and what comes of it is said in the modules of `staxpipe.onboarding`
that the pages use, too. Here are the shapes of what is sent and answered, tokens, errors and the description (OpenAPI).
"""
