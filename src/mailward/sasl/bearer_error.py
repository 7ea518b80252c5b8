"""Why a server refuses a bearer token: the JSON of its challenge, in a few harmless words (RFC 7628 §3.2.2)."""

from __future__ import annotations

import json

from mailward.printable import printable

MAX_CHALLENGE = 4096  # octets
_LONGEST = 200  # characters of a value that are shown
_KEYS = ("status", "scope", "openid-configuration", "schemes")


def told(challenge: bytes) -> str:
    """What the server says of the token: what is known of the JSON, or that it is none."""
    if len(challenge) > MAX_CHALLENGE:
        return "the server says more about the token than anybody reads"
    try:
        said = json.loads(challenge)
    except (ValueError, RecursionError):
        return f"the server says of the token: {printable(challenge.decode(errors='replace'), _LONGEST)}"
    values = said if isinstance(said, dict) else {}
    known = [(key, values[key]) for key in _KEYS if isinstance(values.get(key), str | int)]
    shown = ", ".join(f"{key} {printable(str(value), _LONGEST)}" for key, value in known)
    return f"the server says of the token: {shown or 'nothing'}"
