"""The Postgres marts: small tables of daily cost that serve dashboards. Line items are in the lake."""
