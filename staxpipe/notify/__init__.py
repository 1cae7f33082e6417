"""Telling people: what messages say (pure), the channels they travel by, and draining the outbox."""
