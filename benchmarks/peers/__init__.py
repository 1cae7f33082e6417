"""What staxpipe is measured against. Run in `.bench/venv`; nothing here imports staxpipe."""
