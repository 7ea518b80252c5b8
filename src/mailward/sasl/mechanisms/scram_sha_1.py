"""SCRAM-SHA-1: what many servers have of SCRAM; HMAC is still sound with this hash (RFC 5802)."""

from __future__ import annotations

from mailward.sasl.mechanism import Mechanism
from mailward.sasl.scram_client import unbound

MECHANISM = Mechanism(name="SCRAM-SHA-1", strength=20, client=unbound("sha1"))
