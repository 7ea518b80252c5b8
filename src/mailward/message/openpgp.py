"""PGP/MIME: a message signed, encrypted to OpenPGP certificates, or both at once (RFC 3156, RFC 9580)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeAlias, TypeVar, cast

from mailward.errors import InputError
from mailward.message.private_key import KeyFile, Passphrase, octets_of, revealed, unusable, without_frames
from mailward.message.protected import AnyMail, Parted, boundary_of, signed, written
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from email.message import EmailMessage

    from pysequoia import Cert, PySigner

PgpKey: TypeAlias = str | bytes | Secret | KeyFile
PgpCertificate: TypeAlias = "str | bytes | KeyFile | Cert"
T = TypeVar("T")
P = ParamSpec("P")

_ARMOUR = "-----BEGIN PGP"
_MOST_RECIPIENTS = 1000


class OpenPGP:
    """`OpenPGP(sign_with=Path("ann.key"), encrypt_to=[Path("bob.asc")]).apply(message)`; asks for `mailward[openpgp]`.

    sign_with: the secret key of who signs, armoured or not. encrypt_to: a certificate (public key) for each reader,
    yourself too if you want to read it again. protect_headers: repeat the header inside, and hide the subject of what
    is encrypted (RFC 9788).
    """

    _signer: PySigner | None = None  # so that there is a repr even where the key is refused
    _readers: Sequence[Cert] = ()

    def __init__(
        self,
        *,
        sign_with: PgpKey | None = None,
        passphrase: Passphrase = None,
        encrypt_to: Sequence[PgpCertificate] = (),
        protect_headers: bool = False,
    ) -> None:
        signer = None if sign_with is None else without_frames(_signer, sign_with, passphrase)
        del sign_with, passphrase  # what is refused below is refused without them
        if isinstance(signer, InputError):
            raise signer
        self._signer = signer
        self._readers = _readers(encrypt_to)
        self._protect = protect_headers
        if signer is None and not self._readers:
            raise InputError(
                "openpgp: there is nothing to do", phase="options", advice="give sign_with= or encrypt_to="
            )

    def __repr__(self) -> str:
        return f"OpenPGP({'signs, ' if self._signer else ''}encrypts to {len(self._readers)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an OpenPGP key cannot be pickled or copied")

    def apply(self, message: AnyMail) -> EmailMessage:
        """The message to send in place of `message`, which stays as it is. Its Bcc is in the outer header still.

        Raises InvalidMessage, and InputError for a key or a certificate that is expired or revoked.
        """
        parted = Parted.of(message)
        if self._protect:
            parted = parted.with_header_inside("cipher" if self._readers else "clear")
        return parted.joined(*(self._encrypted(parted.entity) if self._readers else self._signed(parted.entity)))

    def _signed(self, entity: bytes) -> tuple[list[tuple[str, str]], bytes]:
        from pysequoia import Sig, SignatureMode, sign  # noqa: PLC0415

        assert self._signer is not None  # noqa: S101  # there is something to do
        signature = _checked(sign, self._signer, entity, mode=SignatureMode.DETACHED)
        digest = str(Sig.from_bytes(signature).hash_algorithm).rpartition(".")[2].lower()
        boundary = boundary_of(entity)
        content_type = (
            'multipart/signed; protocol="application/pgp-signature";\r\n'
            f' micalg=pgp-{digest.replace("_", "-")}; boundary="{boundary}"'
        )
        second = written(
            [("Content-Type", 'application/pgp-signature; name="signature.asc"')], signature.replace(b"\n", b"\r\n")
        )
        return [("Content-Type", content_type)], signed(entity, second, boundary)

    def _encrypted(self, entity: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """Both at once, so that nobody can tell who signed without reading it (RFC 3156 §6.2)."""
        from pysequoia import encrypt  # noqa: PLC0415

        octets = _checked(encrypt, entity, recipients=self._readers, signer=self._signer).replace(b"\n", b"\r\n")
        boundary = boundary_of(octets)
        content_type = f'multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="{boundary}"'
        first = written([("Content-Type", "application/pgp-encrypted")], b"Version: 1\r\n")
        second = written([("Content-Type", 'application/octet-stream; name="encrypted.asc"')], octets)
        return [("Content-Type", content_type)], signed(first, second, boundary)


def _signer(key: PgpKey, passphrase: Passphrase) -> PySigner:
    sequoia = _sequoia()
    secret = revealed(passphrase)
    octets = octets_of(key, armour=_ARMOUR)
    tsk = _checked(sequoia.Tsk.from_bytes, octets)
    signer: PySigner = _checked(tsk.signer, None if secret is None else secret.decode("utf-8", "replace"))
    return signer


def _readers(given: Sequence[PgpCertificate]) -> list[Cert]:
    if isinstance(given, str | bytes) or hasattr(given, "read_bytes") or len(given) > _MOST_RECIPIENTS:
        raise InputError(f"openpgp: encrypt_to= is a list of at most {_MOST_RECIPIENTS} certificates", phase="options")
    readers = [_certificate(each) for each in given]
    for reader in readers:
        if reader.is_revoked:
            raise InputError(f"openpgp: the certificate {reader.fingerprint} is revoked", phase="options")
    return readers


def _certificate(given: PgpCertificate) -> Cert:
    sequoia = _sequoia()
    if isinstance(given, sequoia.Cert):
        return cast("Cert", given)
    certificate: Cert = _checked(sequoia.Cert.from_bytes, octets_of(given, armour=_ARMOUR))
    return certificate


def _sequoia() -> ModuleType:
    try:
        import pysequoia  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "OpenPGP needs pysequoia, which is not installed", phase="options", advice="pip install 'mailward[openpgp]'"
        ) from error
    return pysequoia


def _checked(work: Callable[P, T], *given: P.args, **options: P.kwargs) -> T:
    """What `work` of pysequoia gives. It tells every fault as a RuntimeError, with a stack after its first line."""
    try:
        return work(*given, **options)
    except RuntimeError as error:
        raise unusable(f"OpenPGP says: {printable(str(error).partition(chr(10))[0], 200)}") from error
