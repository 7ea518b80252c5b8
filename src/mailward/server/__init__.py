"""The submission server: it accepts mail only from whom it trusts, loses none of it, and hands it on."""
