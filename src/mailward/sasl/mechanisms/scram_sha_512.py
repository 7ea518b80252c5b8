"""SCRAM-SHA-512: as SCRAM-SHA-256 with a longer hash (RFC 5802, draft-melnikov-scram-sha-512)."""

from __future__ import annotations

from mailward.sasl.mechanism import Mechanism
from mailward.sasl.scram_client import unbound

MECHANISM = Mechanism(name="SCRAM-SHA-512", strength=35, client=unbound("sha512"))
