"""S/MIME: a message signed, encrypted to certificates, or both, in this order (RFC 8551, RFC 5652)."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from mailward.errors import InputError
from mailward.message.private_key import (
    AnyKey,
    KeyFile,
    Passphrase,
    octets_of,
    read_private_key,
    unusable,
    without_frames,
)
from mailward.message.protected import AnyMail, Parted, boundary_of, signed, written
from mailward.printable import printable

if TYPE_CHECKING:
    from email.message import EmailMessage

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7HashTypes
    from cryptography.x509 import Certificate

    Signer: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey

AnyCertificate: TypeAlias = "str | bytes | KeyFile | Certificate"

_MOST_RECIPIENTS = 1000


class SMIME:
    """`SMIME(certificate=Path("ann.pem"), key=Path("ann.key"), encrypt_to=[Path("bob.pem")]).apply(message)`.

    certificate, key: who signs; without them nothing is signed. The file may hold the chain after the certificate, and
    `chain` may hold more of it. encrypt_to: a certificate for each reader, yourself too if you want to read it again;
    RSA, to AES-256 (AES-128 with cipher="aes-128-cbc"). This mode is open to manipulation, so sign what you encrypt.
    protect_headers: repeat the header inside, and hide the subject of what is encrypted (RFC 9788).
    """

    _signer: tuple[Certificate, Signer] | None = None  # so that there is a repr even where the key is refused
    _readers: Sequence[Certificate] = ()

    def __init__(
        self,
        *,
        certificate: AnyCertificate | None = None,
        key: AnyKey | None = None,
        passphrase: Passphrase = None,
        chain: Sequence[AnyCertificate] = (),
        encrypt_to: Sequence[AnyCertificate] = (),
        digest: Literal["sha256", "sha384", "sha512"] = "sha256",
        cipher: Literal["aes-256-cbc", "aes-128-cbc"] = "aes-256-cbc",
        protect_headers: bool = False,
    ) -> None:
        loaded = None if key is None else without_frames(read_private_key, key, passphrase)
        signs = key is not None
        del key, passphrase  # what is refused below is refused without them
        if isinstance(loaded, InputError):
            raise loaded
        if signs != (certificate is not None):
            raise InputError("smime: a signature needs both certificate= and key=", phase="options")
        if not signs and not encrypt_to:
            raise InputError(
                "smime: there is nothing to do", phase="options", advice="give certificate= and key=, or encrypt_to="
            )
        if digest not in ("sha256", "sha384", "sha512") or cipher not in ("aes-256-cbc", "aes-128-cbc"):
            raise InputError("smime: digest= or cipher= is not one of those there are", phase="options")
        own = [] if certificate is None else certificates(certificate)
        self._chain = [*own[1:], *(each for given in chain for each in certificates(given))]
        self._signer = None if loaded is None else (own[0], _checked_signer(loaded, own[0]))
        self._readers = _checked_readers(encrypt_to)
        self._digest, self._cipher, self._protect = digest, cipher, protect_headers

    def __repr__(self) -> str:
        signer = f"signs as {_subject(self._signer[0])}, " if self._signer else ""
        return f"SMIME({signer}encrypts to {len(self._readers)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an S/MIME key cannot be pickled or copied")

    def apply(self, message: AnyMail, *, at: datetime | None = None) -> EmailMessage:
        """The message to send in place of `message`, which stays as it is. Its Bcc is in the outer header still.

        `at`: now; then a certificate that is not valid is refused. Raises InvalidMessage, InputError.
        """
        self._check_dates(at)
        parted = Parted.of(message)
        if self._protect:
            parted = parted.with_header_inside("cipher" if self._readers else "clear")
        if self._signer is None:
            return self._encrypted(parted, parted.entity)
        content, body = self._signed(parted.entity)
        if not self._readers:
            return parted.joined(content, body)
        return self._encrypted(parted, written(content, body))

    def _signed(self, entity: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """The fields and the body of a multipart/signed."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder  # noqa: PLC0415

        assert self._signer is not None  # noqa: S101  # asked for only then
        digests: dict[str, PKCS7HashTypes] = {
            "sha256": hashes.SHA256(),
            "sha384": hashes.SHA384(),
            "sha512": hashes.SHA512(),
        }
        builder = PKCS7SignatureBuilder().set_data(entity).add_signer(*self._signer, digests[self._digest])
        for certificate in self._chain:
            builder = builder.add_certificate(certificate)
        options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary]
        boundary = boundary_of(entity)
        content_type = (
            'multipart/signed; protocol="application/pkcs7-signature";\r\n'
            f' micalg={self._digest.replace("sha", "sha-")}; boundary="{boundary}"'
        )
        signature = _attachment("application/pkcs7-signature", "smime.p7s", builder.sign(Encoding.DER, options))
        return [("Content-Type", content_type)], signed(entity, written(*signature), boundary)

    def _encrypted(self, parted: Parted, entity: bytes) -> EmailMessage:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES128, AES256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options  # noqa: PLC0415

        builder = PKCS7EnvelopeBuilder().set_data(entity)
        builder = builder.set_content_encryption_algorithm(AES256 if self._cipher == "aes-256-cbc" else AES128)
        for reader in self._readers:
            builder = builder.add_recipient(reader)
        octets = builder.encrypt(Encoding.DER, [PKCS7Options.Binary])
        return parted.joined(*_attachment("application/pkcs7-mime; smime-type=enveloped-data", "smime.p7m", octets))

    def _check_dates(self, at: datetime | None) -> None:
        """A signature of yesterday's certificate is one that readers are warned of."""
        for certificate in [*([self._signer[0]] if self._signer else ()), *self._readers]:
            if at is not None and not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
                until = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
                raise InputError(f"smime: the certificate of {_subject(certificate)} is valid from {until} only")


def certificates(given: AnyCertificate) -> list[Certificate]:
    """All of a PEM file, or the one of DER. Raises InputError."""
    from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificates  # noqa: PLC0415

    if isinstance(given, Certificate):
        return [given]
    octets = octets_of(given, armour="-----BEGIN")
    try:
        return load_pem_x509_certificates(octets) if b"-----BEGIN" in octets else [load_der_x509_certificate(octets)]
    except ValueError as error:
        raise InputError("smime: that is no certificate in PEM or DER", phase="options") from error


def _attachment(kind: str, name: str, octets: bytes) -> tuple[list[tuple[str, str]], bytes]:
    fields = [
        ("Content-Type", f'{kind};\r\n name="{name}"'),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", f'attachment; filename="{name}"'),
    ]
    return fields, encodebytes(octets).replace(b"\n", b"\r\n")


def _checked_signer(key: object, certificate: Certificate) -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415

    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise unusable(f"S/MIME signs with RSA or EC, and this is {type(key).__name__}")
    if key.public_key() != certificate.public_key():
        raise unusable(f"it does not belong to the certificate of {_subject(certificate)}")
    return key


def _checked_readers(given: Sequence[AnyCertificate]) -> list[Certificate]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    if isinstance(given, str | bytes) or hasattr(given, "read_bytes") or len(given) > _MOST_RECIPIENTS:
        raise InputError(f"smime: encrypt_to= is a list of at most {_MOST_RECIPIENTS} certificates", phase="options")
    readers = [certificates(each)[0] for each in given]
    for reader in readers:
        public = reader.public_key()
        if not isinstance(public, RSAPublicKey) or public.key_size < 2048 or not _may_encipher(reader):
            raise InputError(
                f"smime: nothing can be encrypted to the certificate of {_subject(reader)}",
                phase="options",
                advice="it must have an RSA key of 2048 bits or more, and key usage keyEncipherment",
            )
    return readers


def _may_encipher(certificate: Certificate) -> bool:
    from cryptography.x509 import ExtensionNotFound, KeyUsage  # noqa: PLC0415

    try:
        return certificate.extensions.get_extension_for_class(KeyUsage).value.key_encipherment
    except ExtensionNotFound:
        return True


def _subject(certificate: Certificate) -> str:
    return printable(certificate.subject.rfc4514_string(), 100)
