"""SCRAM-SHA-1-PLUS: as SCRAM-SHA-1, bound to the channel (RFC 5802 §6)."""

from __future__ import annotations

from mailward.sasl.mechanism import Mechanism
from mailward.sasl.scram_client import bound

MECHANISM = Mechanism(name="SCRAM-SHA-1-PLUS", strength=40, needs_binding=True, client=bound("sha1"))
