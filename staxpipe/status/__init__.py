"""What is linked, loaded, under way and failed, as one report. Reads the metadata database and changes nothing."""
