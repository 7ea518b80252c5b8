"""Whether the certificates of a handshake are those that DNSSEC names (RFC 7671 §5, RFC 7672 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailward.errors import CertificateError
from mailward.printable import printable
from mailward.records.tlsa import Usage, matches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

    from mailward.records.answer import TlsaRecord

MOST_CERTIFICATES: Final = 12
_ADVICE = "the server shows another key than its domain publishes: somebody is in between, or it forgot its TLSA record"


def verify(chain: Sequence[bytes], records: Sequence[TlsaRecord], *, names: Sequence[str], now: datetime) -> Usage:
    """By which usage the server is who the records say. Raises CertificateError.

    chain: DER as the server sent it, its own first. names: of which a DANE-TA certificate must have one; with DANE-EE
    neither names nor dates count, for DNSSEC says them (RFC 7671 §5.1).
    """
    from cryptography import x509  # noqa: PLC0415 - heavy
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    if not chain:
        raise _refused("the server showed no certificate")
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain[:MOST_CERTIFICATES]]
        leaf_key = _key(certificates[0])
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise _refused("the server's certificate cannot be read") from None
    end_entity = [record for record in records if record.usage == Usage.DANE_EE]
    if any(matches(record, chain[0], leaf_key) for record in end_entity):
        return Usage.DANE_EE
    anchors = _anchors(certificates, [record for record in records if record.usage == Usage.DANE_TA])
    if not anchors:
        raise _refused("no TLSA record matches the server's certificates")
    problems = [_path_problem(certificates, anchor, names, now) for anchor in anchors]
    if all(problems):
        raise _refused(problems[0])
    return Usage.DANE_TA


def _anchors(certificates: Sequence[Certificate], records: Sequence[TlsaRecord]) -> list[Certificate]:
    """The authorities that the records name: those sent behind the server's own, or written out in full in a record."""
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    found = [
        certificate
        for certificate in certificates[1:]
        if any(matches(record, _der(certificate), _key(certificate)) for record in records)
    ]
    for record in records:
        if (record.selector, record.matching) == (0, 0):
            try:
                found.append(load_der_x509_certificate(record.data))
            except ValueError:
                continue
    return list(dict.fromkeys(found))


def _path_problem(certificates: Sequence[Certificate], anchor: Certificate, names: Sequence[str], now: datetime) -> str:
    """Why there is no path from the server's certificate to `anchor`; "" if there is."""
    from cryptography.x509 import BasicConstraints, DNSName, SubjectAlternativeName  # noqa: PLC0415
    from cryptography.x509.verification import (  # noqa: PLC0415
        Criticality,
        ExtensionPolicy,
        PolicyBuilder,
        Store,
        VerificationError,
    )

    anything = ExtensionPolicy.permit_all()  # private authorities keep few of the rules of the public ones
    authority = anything.require_present(BasicConstraints, Criticality.AGNOSTIC, None)
    server = anything.require_present(SubjectAlternativeName, Criticality.AGNOSTIC, None)
    builder = PolicyBuilder().store(Store([anchor])).time(now).max_chain_depth(MOST_CERTIFICATES)
    builder = builder.extension_policies(ca_policy=authority, ee_policy=server)
    problem = "no name to look for"
    for name in names:
        try:
            path = builder.build_server_verifier(DNSName(name)).verify(certificates[0], list(certificates[1:]))
        except (VerificationError, ValueError) as error:
            problem = printable(f"no path from the certificate to its authority for {name}: {error}", 300)
        else:
            return "" if all(_may_issue(issuer) for issuer in path[1:]) else "one of its issuers is no authority"
    return problem


def _may_issue(certificate: Certificate) -> bool:
    from cryptography.x509 import BasicConstraints, ExtensionNotFound, KeyUsage  # noqa: PLC0415

    try:
        if not certificate.extensions.get_extension_for_class(BasicConstraints).value.ca:
            return False
        return certificate.extensions.get_extension_for_class(KeyUsage).value.key_cert_sign
    except ExtensionNotFound as missing:
        return missing.oid == KeyUsage.oid


def _key(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return certificate.public_bytes(Encoding.DER)


def _refused(why: str) -> CertificateError:
    return CertificateError(f"DANE: {why}", phase="tls", advice=_ADVICE)
