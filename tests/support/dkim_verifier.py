"""dkimpy as the verifier of what we sign; the Ed25519 it would take from PyNaCl is that of cryptography."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class _VerifyKey:
    """What dkimpy asks of nacl.signing.VerifyKey."""

    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(key, validate=True))

    def verify(self, data: bytes, signature: bytes) -> None:
        self._key.verify(signature, data)


_NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=_VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
)


def verifies(message: bytes, records: Mapping[str, str], *, index: int = 0) -> bool:
    """Whether the DKIM-Signature at `index`, from the top, holds, with `records` as the DNS."""
    zone = {f"{name}.".encode(): text.encode() for name, text in records.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dkim, "nacl", _NACL, raising=False)
        try:
            return bool(dkim.DKIM(message).verify(index, dnsfunc=lambda name, **_: zone[bytes(name)]))
        except dkim.ValidationError:
            return False
