"""ANONYMOUS: nobody logs in, and may leave a mailbox or a word behind (RFC 4505)."""

from __future__ import annotations

import re

from mailward.errors import InputError
from mailward.sasl.mechanism import Credentials, Mechanism, SilentExchange
from mailward.sasl.saslprep import prepare

_LONGEST = 255  # characters of a token, and octets of a mailbox as SMTP has them
_MAILBOX = re.compile(r"[^@\s]+@[^@\s]+")


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    yield _trace(credentials.authcid).encode()


def _trace(text: str) -> str:
    """§2: nothing, or a mailbox, or a text without "@"; no control characters and nothing else that cannot be shown."""
    if not text:
        return ""
    if len(text) > _LONGEST:
        raise InputError(f"the trace for ANONYMOUS is longer than {_LONGEST} characters", phase="auth")
    prepare(text, what="trace for ANONYMOUS", stored=False)
    if "@" in text and not _MAILBOX.fullmatch(text):
        raise InputError("the trace for ANONYMOUS has an @ and is no mailbox", phase="auth")
    return text


MECHANISM = Mechanism(name="ANONYMOUS", strength=0, credential="anonymous", client=client)
