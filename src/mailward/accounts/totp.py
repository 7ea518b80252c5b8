"""Codes of an authenticator program (RFC 6238 with RFC 4226: SHA-1, six digits, 30 seconds)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

SECRET_OCTETS: Final = 20  # RFC 4226 §4, R6
_STEP = 30
_DIGITS = 6
_WINDOW = 1  # steps that a clock may be wrong by, either way (RFC 6238 §5.2)


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_OCTETS)


def code(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """RFC 4226 §5.3."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def step_of(secret: bytes, given: str, now: float) -> int | None:
    """The time step whose code this is, of those around `now`; None: it is none of them."""
    present = int(now) // _STEP
    found = None
    for step in range(max(0, present - _WINDOW), present + _WINDOW + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.strip().encode("utf-8", "replace")):
            found = step
    return found


def uri(secret: bytes, account: str, issuer: str) -> str:
    """What an authenticator program reads, often as a QR code."""
    values = {"secret": base64.b32encode(secret).decode(), "issuer": issuer}
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(account, safe='@')}?{urlencode(values, quote_via=quote)}"
