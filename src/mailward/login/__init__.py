"""One login, whichever door it knocks at: the SASL exchange, the guard's word, the credential, and one event."""
