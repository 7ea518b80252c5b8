"""One file for each mechanism; each holds its `MECHANISM`, and the register finds it here."""
