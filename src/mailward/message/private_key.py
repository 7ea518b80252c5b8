"""Private keys and certificates as a caller gives them: PEM or DER as text, octets, a Secret or a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeAlias, TypeVar

from mailward.errors import InputError
from mailward.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

T = TypeVar("T")
P = ParamSpec("P")


class KeyFile(Protocol):
    """A pathlib.Path, or whatever else gives the octets of a key."""

    def read_bytes(self) -> bytes: ...


AnyKey: TypeAlias = "str | bytes | Secret | KeyFile | PrivateKeyTypes"
Passphrase: TypeAlias = str | bytes | Secret | None


def without_frames(work: Callable[P, T], *given: P.args, **options: P.kwargs) -> T | InputError:
    """What `work` gives, or the error to raise, without the frames whose variables hold a key."""
    try:
        return work(*given, **options)
    except InputError as error:
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)


def read_private_key(key: AnyKey, passphrase: Passphrase) -> object:
    """What cryptography makes of it, or the very key of cryptography. The traceback of its InputError holds the key."""
    return key if hasattr(key, "private_bytes") else _loaded(octets_of(key, armour="-----BEGIN"), passphrase)


def octets_of(given: object, *, armour: str) -> bytes:
    """The octets of a text, a Secret or a file. A text without `armour` in it is refused: it may be meant as a path."""
    match given:
        case bytes():
            return given
        case Secret():
            return given.reveal().encode()
        case str() if armour in given:
            return given.encode("utf-8", "replace")
        case str():
            raise unusable("as a str it must be the PEM itself", advice='of a file give pathlib.Path("…")')
    if not hasattr(given, "read_bytes"):
        raise unusable("it must be PEM as a str, bytes or a Secret, a pathlib.Path, or an object of cryptography")
    try:
        return bytes(given.read_bytes())
    except OSError as error:
        raise unusable(
            f"its file cannot be read: {error.strerror}", advice="check the path and who may read it"
        ) from error


def unusable(what: str, *, advice: str = "") -> InputError:
    return InputError(f"the key will not do: {what}", phase="options", advice=advice or None)


def _loaded(octets: bytes, passphrase: Passphrase) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key  # noqa: PLC0415

    load = load_pem_private_key if b"-----BEGIN" in octets else load_der_private_key
    try:
        return load(octets, revealed(passphrase))
    except TypeError as error:
        advice = "give passphrase=" if passphrase is None else "leave passphrase= out"
        raise unusable(f"it is {'' if passphrase is None else 'not '}encrypted", advice=advice) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise unusable(
            "it is no private key in PEM or DER, or the passphrase is not its own",
            advice="openssl pkey -in FILE -noout tells whether a file holds one",
        ) from error


def revealed(passphrase: Passphrase) -> bytes | None:
    match passphrase:
        case Secret():
            return passphrase.reveal().encode()
        case str():
            return passphrase.encode()
    return passphrase
