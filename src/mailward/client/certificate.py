"""What a server's certificate says, and in plain words why it was refused (RFC 5280, RFC 9525)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from typing import TypeAlias

from mailward.errors import CertificateError, InputError
from mailward.printable import printable

_SEQUENCE, _VERSION = 0x30, 0xA0
_WRONG_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_RENEW = "let the server's operator renew or mend it; verification cannot be turned off"
_REASONS = {  # X509_V_ERR_… of OpenSSL's x509_vfy.h
    2: "it was issued by an authority that is not trusted",
    9: "it is not valid yet (or this machine's clock is slow)",
    10: "it has expired (or this machine's clock is fast)",
    18: "it is self-signed",
    19: "its chain ends in an authority that is not trusted (self-signed root)",
    20: "it was issued by an authority that is not trusted",
    21: "it was issued by an authority that is not trusted",
    23: "it has been revoked",
    26: "it is not meant for a server",
    47: "its authority may not certify such a name (name constraints)",
    48: "its authority may not certify such a name (name constraints)",
    66: "its key is too weak",
    67: "an authority's key is too weak",
    68: "a signature in its chain is too weak",
}
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
_PIN_ADVICE = (
    'a pin is "sha256/" and the base64 SHA-256 of the public key; the certificate error prints the one to paste'
)

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def pin_of(certificate: bytes) -> str:
    """`sha256/` and the base64 SHA-256 of the public key (SubjectPublicKeyInfo) of a DER certificate."""
    return "sha256/" + base64.b64encode(hashlib.sha256(_public_key(certificate)).digest()).decode("ascii")


def pins_of(value: object) -> tuple[str, ...]:
    """One pin or several, each as `pin_of` writes it; `sha256//`, as curl has it, is understood. Raises InputError."""
    if value is None:
        return ()
    pins = (value,) if isinstance(value, str) else value
    if not isinstance(pins, Sequence):
        raise InputError("pin= must be a text or a sequence of them", phase="options", advice=_PIN_ADVICE)
    return tuple(_checked_pin(pin) for pin in pins)


def wants_a_look(error: CertificateError) -> bool:
    """Whether the refused certificate itself says what to do: which names it has, or which key."""
    return _code(error) in _WRONG_NAME | _UNTRUSTED


def refusal(
    error: CertificateError, host: str, certificate: bytes = b"", *, wanted: str | None = None
) -> CertificateError:
    """`error` in plain words. `certificate`: the DER of what was refused, where a second look has shown it.

    `wanted`: the name it should be for, where that is not the host's.
    """
    if error.advice:
        return error  # one of ours, worded already
    code, host = _code(error), printable(host, 300)
    advice = _RENEW
    if code in _WRONG_NAME:
        names = names_in(certificate)
        has = f"it is for {printable(', '.join(names), 300)}" if names else "it has no such name"
        reason = f"wrong name: {has}, not for {printable(wanted or host, 300)}"
        advice = "connect by a name the certificate has"
    else:
        reason = _REASONS.get(code) or printable(error.message.removeprefix("certificate refused: "))
    if code in _UNTRUSTED:
        advice = _untrusted_advice(certificate)
    return CertificateError(f"the certificate of {host} is refused: {reason}", phase="tls", advice=advice)


def other_key(host: str, *, found: str, expected: tuple[str, ...]) -> CertificateError:
    """The server has another key than those of pin=."""
    return CertificateError(
        f"the key of {printable(host, 300)} is refused: it is {found}, and pin= expects {' or '.join(expected)}",
        phase="tls",
        advice="somebody may be on the path; take the new pin only if the server's operator tells you, by another way",
    )


def other_names(host: str, certificate: bytes, *, expected: tuple[str, ...]) -> CertificateError:
    """The certificate is for none of the names that names= has."""
    has = printable(", ".join(names_in(certificate)), 300) or "no name"
    return CertificateError(
        f"the certificate of {printable(host, 300)} is refused: wrong name: it is for {has}, "
        f"not for {printable(' or '.join(expected), 300)}",
        phase="tls",
        advice="give one of the names that the certificate has in names=",
    )


def told(certificate: bytes) -> dict[str, object]:
    """For who listens: `names` as `names_in`, and `not_after`, None where it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  # heavy, and only for who listens

    try:
        ends = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        ends = None
    return {"names": names_in(certificate), "not_after": ends}


def names_in(certificate: bytes) -> tuple[str, ...]:
    """The DNS names and IP addresses of a DER certificate; none if it cannot be read."""
    hosts, addresses = _names_in(certificate)
    return (*(printable(host, 255) for host in hosts), *map(str, addresses))


def is_for(certificate: bytes, references: Sequence[str]) -> bool:
    """Whether a DER certificate, verified otherwise, is for one of these names or addresses (RFC 9525 §6)."""
    hosts, addresses = _names_in(certificate)
    return any(_is_for(reference, hosts, addresses) for reference in references)


def _is_for(reference: str, hosts: list[str], addresses: list[_Address]) -> bool:
    try:
        return ipaddress.ip_address(reference) in addresses
    except ValueError:
        pass
    wanted = reference.lower().removesuffix(".")
    _, dot, parent = wanted.partition(".")
    wildcard = f"*.{parent}" if dot and "." in parent else None  # not *.com
    return any(host.lower().removesuffix(".") in (wanted, wildcard) for host in hosts)


def _names_in(certificate: bytes) -> tuple[list[str], list[_Address]]:
    from cryptography import x509  # noqa: PLC0415  # heavy, and seldom needed

    try:
        names = (
            x509.load_der_x509_certificate(certificate)
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return [], []
    addresses = names.get_values_for_type(x509.IPAddress)
    single = [each for each in addresses if isinstance(each, ipaddress.IPv4Address | ipaddress.IPv6Address)]
    return names.get_values_for_type(x509.DNSName), single


def _untrusted_advice(certificate: bytes) -> str:
    try:
        pin = pin_of(certificate)
    except ValueError:
        return "if this is your own authority, give its certificate with ca=; verification cannot be turned off"
    return (
        f'if this is your own server and this its key, give pin="{pin}"; if it is your own authority, its certificate '
        "with ca=; verification cannot be turned off"
    )


def _checked_pin(pin: object) -> str:
    if isinstance(pin, str) and pin.startswith("sha256/"):
        text = pin.removeprefix("sha256/").removeprefix("/")
        try:
            digest = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            digest = b""
        if len(digest) == hashlib.sha256().digest_size:
            return "sha256/" + base64.b64encode(digest).decode("ascii")
    raise InputError(f"pin= {printable(str(pin), 80)!r} is no pin", phase="options", advice=_PIN_ADVICE)


def _code(error: CertificateError) -> int:
    cause = error.__cause__
    return cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0


def _public_key(certificate: bytes) -> bytes:
    """The sixth field of TBSCertificate, after the version, which may be left out (RFC 5280 §4.1)."""
    _, start, _ = _element(certificate, 0)  # Certificate
    _, position, _ = _element(certificate, start)  # TBSCertificate
    tag, _, end = _element(certificate, position)
    if tag == _VERSION:
        position = end
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        _, _, position = _element(certificate, position)
    tag, _, end = _element(certificate, position)
    if tag != _SEQUENCE:
        raise ValueError("not an X.509 certificate")
    return certificate[position:end]


def _element(der: bytes, position: int) -> tuple[int, int, int]:
    """Tag, start of the content and end of the DER element at `position`."""
    try:
        tag, length, start = der[position], der[position + 1], position + 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[start : start + octets], "big")
            start += octets
    except IndexError:
        raise ValueError("not an X.509 certificate") from None
    if start + length > len(der):
        raise ValueError("not an X.509 certificate")
    return tag, start, start + length
