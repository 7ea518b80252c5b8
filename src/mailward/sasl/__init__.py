"""SASL (RFC 4422): who is asking, proved by one generator per mechanism. No I/O, no clock, no random source of ours."""
