"""What the project says of its speed and memory is measured here: whole processes, ratios within one run."""
