"""Doors for other servers: Postfix, Exim, Dovecot and programs of one's own ask the guard over their own protocols."""
