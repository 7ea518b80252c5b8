"""Internet messages: writing them, reading their headers, and their final octets (RFC 5322, RFC 2045, RFC 6532)."""
