"""The metadata database: tables, queries (each takes a Connection) and migrations."""
