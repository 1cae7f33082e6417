"""The embedded runtime: Postgres, the processes of `staxpipe up`, and what the demo stands on."""
