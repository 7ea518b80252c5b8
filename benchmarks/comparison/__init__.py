"""What clients do when a server, or somebody on the path, is hostile: every one of them really run, on loopback."""
