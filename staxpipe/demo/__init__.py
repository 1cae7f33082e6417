"""The demo: the real product on one machine against an emulated AWS, from the form to the cost table.

Only what a demo needs is here: the world around staxpipe (accounts, bucket, mail), a browser, the steps, and how they
are shown. Everything that is demonstrated lives in the other rooms.
"""
