"""AWS access: sessions of ours and of linked roles, what those may do, buckets, and AWS's failures in words.

The one thing that is done with anybody else's credentials is the stack that a command creates for who runs it.
"""
