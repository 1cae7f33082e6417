"""The organisation of a payer: the names, units and tags of its accounts, read once a day. Nothing waits for it."""
