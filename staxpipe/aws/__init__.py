"""AWS access: sessions of ours and of linked roles, what those may do, buckets, and AWS's failures in words."""
