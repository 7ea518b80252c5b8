"""SCRAM-SHA-512-PLUS: as SCRAM-SHA-512, bound to the channel (RFC 5802 §6, draft-melnikov-scram-sha-512)."""

from __future__ import annotations

from mailward.sasl.mechanism import Mechanism
from mailward.sasl.scram_client import bound

MECHANISM = Mechanism(name="SCRAM-SHA-512-PLUS", strength=50, needs_binding=True, client=bound("sha512"))
