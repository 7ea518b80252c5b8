"""The private keys of DKIM, and the DNS records that publish them (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from mailward.errors import InputError, InvalidAddress
from mailward.message.private_key import AnyKey, Passphrase, read_private_key, unusable
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey

_LEAST_BITS, _SHORT_BITS, _MOST_BITS = 1024, 2048, 4096
_SELECTOR = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
)
_STRING = 255  # octets that one character-string of a TXT record holds (RFC 1035 §3.3)
_MAKE_ONE = "make one with `mailward dkim keygen`, or with openssl genrsa 2048"


def read_key(key: AnyKey, passphrase: Passphrase = None, *, short: bool = False) -> PrivateKey:
    """`short`: whether RSA of 1024 to 2047 bits will do. Raises InputError, whose traceback holds the key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415

    loaded = read_private_key(key, passphrase)
    if isinstance(loaded, Ed25519PrivateKey):
        return loaded
    if not isinstance(loaded, RSAPrivateKey):
        raise unusable(f"DKIM takes RSA and Ed25519, and this is {type(loaded).__name__}", advice=_MAKE_ONE)
    least = _LEAST_BITS if short else _SHORT_BITS
    if not least <= loaded.key_size <= _MOST_BITS:
        many = f"it has {loaded.key_size} bits, and {least} to {_MOST_BITS} are of use (RFC 8301 §3.2)"
        raise unusable(many, advice=_MAKE_ONE)
    return loaded


def read_keys(keys: Iterable[AnyKey], passphrase: Passphrase, *, short: bool) -> list[PrivateKey]:
    """`read_key` of each."""
    return [read_key(key, passphrase, short=short) for key in keys]


def checked_selector(selector: str) -> str:
    """Lower-case. Raises InputError unless it is one or more labels of a domain name (RFC 6376 §3.1)."""
    if len(selector) > 180 or not _SELECTOR.fullmatch(selector):
        raise InputError("dkim: the selector must be made of letters, digits, - and _, as s2026", phase="options")
    return selector.lower()


def checked_domain(domain: str) -> str:
    """As A-labels. Raises InputError unless it is a domain name of two labels at least."""
    try:
        checked = Mailbox.parse(f"x@{domain}").domain
    except InvalidAddress as error:
        raise InputError(f"dkim: the domain: {error.message}", phase="options", advice=error.advice) from error
    if "." not in checked or checked.startswith("["):
        raise InputError("dkim: the domain must be a domain name such as example.org", phase="options")
    return checked


def algorithm(key: PrivateKey) -> str:
    """As the `a=` of a signature names it."""
    return "rsa-sha256" if hasattr(key, "private_numbers") else "ed25519-sha256"


def record(key: PrivateKey) -> str:
    """The text of the TXT record that publishes `key`, at SELECTOR._domainkey.DOMAIN."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    if algorithm(key) == "rsa-sha256":
        kind, public = "rsa", key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, public = "ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={kind}; p={b64encode(public).decode('ascii')}"


def zone_line(name: str, text: str) -> str:
    """A line for a zone file; a text too long for one string is several."""
    strings = [f'"{text[start : start + _STRING]}"' for start in range(0, len(text), _STRING)]
    return f"{name}. IN TXT {strings[0] if len(strings) == 1 else '( ' + ' '.join(strings) + ' )'}"
