"""Whose account is the client's certificate (RFC 5280 §4.2.1.6)? Its chain was verified in the TLS handshake."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailward.accounts.account import canonical
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_HEX = re.compile(r"[0-9A-Fa-f]{64}")


def account_of(der: bytes, pins: Mapping[str, str], *, now: float, email_names: bool = True) -> str | None:
    """The canonical name of the account, None when the certificate names none or is not valid at `now` (Unix seconds).

    pins: as `pins_of` makes them; a pinned key's account goes before what the certificate says. email_names: whether
    the one e-mail address of a certificate names the account; of several none does.
    """
    certificate = _read(der)
    if certificate is None:
        return None
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin.timestamp() <= now <= end.timestamp():
        return None
    pinned = pins.get(_pin(certificate))
    if pinned is not None or not email_names:
        return pinned
    return _named(certificate)


def pins_of(accounts: Mapping[str, str]) -> dict[str, str]:
    """From SHA-256 of a public key (64 hexadecimal digits, or "sha256/" and base64) to the account. InputError."""
    return {_digest(pin): canonical(account) for pin, account in accounts.items()}


def pin_of(der: bytes) -> str:
    """What `pins_of` takes, of this certificate. InputError: it cannot be read."""
    certificate = _read(der)
    pin = "" if certificate is None else _pin(certificate)
    if not pin:
        raise InputError("the certificate cannot be read", phase="config", advice="give an X.509 certificate as DER")
    return pin


def _digest(pin: str) -> str:
    if _HEX.fullmatch(pin):
        return pin.lower()
    digest = b""
    if pin.startswith("sha256/"):
        try:
            digest = base64.b64decode(pin.removeprefix("sha256/"), validate=True)
        except (binascii.Error, ValueError):
            digest = b""
    if len(digest) != 32:
        raise InputError(
            f"client_certificates.accounts: {printable(pin, 100)!r} is not the SHA-256 of a public key",
            phase="config",
            advice="openssl x509 -pubkey -noout -in CERT | openssl pkey -pubin -outform DER | sha256sum",
        )
    return digest.hex()


def _read(der: bytes) -> Certificate | None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # heavy, and few show a certificate
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    try:
        return load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _pin(certificate: Certificate) -> str:
    """Empty for a key that is of no known kind: that is never pinned."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _named(certificate: Certificate) -> str | None:
    """By its subjectAltName only: the e-mail address in a subject is deprecated, and nobody vouches for its form."""
    from cryptography.x509 import ExtensionNotFound, RFC822Name, SubjectAlternativeName  # noqa: PLC0415

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        found = {canonical(name) for name in names.get_values_for_type(RFC822Name)}
    except (ExtensionNotFound, InputError, ValueError):
        return None
    name = found.pop() if len(found) == 1 else ""
    return name if "@" in name else None
