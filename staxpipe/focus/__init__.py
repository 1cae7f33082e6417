"""From a file that AWS delivered to FOCUS 1.2 rows: reading, the mapping, reconciliation."""
