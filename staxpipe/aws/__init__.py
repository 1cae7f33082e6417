"""AWS access: sessions of ours and of linked roles, buckets, verified transfer, and AWS's failures in words."""
