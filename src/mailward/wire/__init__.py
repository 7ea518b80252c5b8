"""Pure SMTP without I/O: both roles, every octet-level defence, once (RFC 5321)."""
