"""How safe an SMTP server is, proved on the wire."""
