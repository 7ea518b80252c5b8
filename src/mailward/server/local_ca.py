"""A certification authority of this server's own, for when nobody gave it a certificate (RFC 5280).

It may vouch for this server's names only (name constraints), so trusting it costs a client nothing else.
"""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.errors import InvalidConfig, StoreError
from mailward.server import state_directory

if TYPE_CHECKING:
    from mailward.server.certificates import Issued

_RENEW_BEFORE = timedelta(days=30)
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secrecy and AEAD only; TLS 1.3 has nothing else


@dataclass(frozen=True, slots=True)
class LocalCertificate:
    """PEM files. `ca_file` is what clients trust; `key_file` is for this server's eyes only."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def ensure(state: Path, hostname: str, now: datetime) -> LocalCertificate:
    """The certificate for `hostname`, localhost and the loopback addresses, made or renewed when it is time.

    `state`: a directory that `state_directory.prepare` has passed. `now`: with a time zone. Raises InvalidConfig for
    key `state` when what is there is not ours or does not fit together; then nothing is changed.
    """
    from mailward.server import certificates  # noqa: PLC0415 - heavy, and a server with [tls] does not need it

    directory = state / "ca"
    if not directory.exists() and not directory.is_symlink():
        _create(directory, hostname, now)
    ca, leaf = _read_both(directory)
    _verify(directory, ca, leaf, now)
    names = certificates.names_of(leaf.certificate)
    if hostname.lower() not in names:
        raise _refuse(directory, f"is for {names[0]}, and the hostname is {hostname}")
    if leaf.certificate.not_valid_after_utc - now < _RENEW_BEFORE:
        renewed = certificates.issue_leaf(hostname, ca, leaf.key, now)
        _replace(directory / "server.pem", renewed.certificate_pem())
    return LocalCertificate(directory / "ca.pem", directory / "server.pem", directory / "server.key")


def server_context(certificate: Path | str, key: Path | str, *, client_ca: Path | str | None = None) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for a server (RFC 8996, RFC 9325). Raises InvalidConfig when the files cannot be used.

    client_ca: a client may show a certificate of these authorities, PEM; one of any other ends the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["smtp"])
    try:
        context.load_cert_chain(certificate, key, password=no_pass_phrase)
    except (OSError, ValueError) as error:
        raise InvalidConfig(f"{certificate} and {key} cannot be used for TLS: {error}", key="tls") from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ValueError) as error:
            raise InvalidConfig(f"{client_ca} holds no authorities: {error}", key="client_certificates.ca") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def no_pass_phrase() -> str:
    """Given to OpenSSL, which would otherwise ask on the terminal."""
    raise ValueError("the key has a pass phrase, and nobody is there to type it; write it without one")


def _create(directory: Path, hostname: str, now: datetime) -> None:
    """All four files at once: written beside, synced, then renamed into place."""
    from mailward.server import certificates  # noqa: PLC0415

    ca = certificates.issue_ca(hostname, now)
    leaf = certificates.issue_leaf(hostname, ca, certificates.new_key(), now)
    beside = directory.with_name(f".ca-{secrets.token_hex(8)}")
    try:
        beside.mkdir(mode=0o700)
        _write(beside / "ca.key", ca.key_pem())
        _write(beside / "server.key", leaf.key_pem())
        _write(beside / "ca.pem", ca.certificate_pem())
        _write(beside / "server.pem", leaf.certificate_pem())
        beside.rename(directory)
        _sync(directory.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        if not directory.is_dir():  # else another process made one at the same time, and that one counts
            raise StoreError(f"the local CA {directory} cannot be made: {error.strerror}", phase="start") from error


def _read_both(directory: Path) -> tuple[Issued, Issued]:
    from mailward.server import certificates  # noqa: PLC0415

    state_directory.verify(directory)
    try:
        return (
            certificates.read_issued(_read(directory, "ca.pem"), _read(directory, "ca.key")),
            certificates.read_issued(_read(directory, "server.pem"), _read(directory, "server.key")),
        )
    except ValueError as error:
        if isinstance(error, InvalidConfig):
            raise
        raise _refuse(directory, f"holds a damaged file ({error})") from error


def _verify(directory: Path, ca: Issued, leaf: Issued, now: datetime) -> None:
    from mailward.server import certificates  # noqa: PLC0415

    if not ca.fits():
        raise _refuse(directory, "holds a ca.key that is not the key of its ca.pem")
    if not leaf.fits():
        raise _refuse(directory, "holds a server.key that is not the key of its server.pem")
    if not certificates.issued_by(leaf, ca):
        raise _refuse(directory, "holds a server.pem that its ca.pem did not issue")
    if ca.certificate.not_valid_after_utc <= now:
        raise _refuse(directory, "has expired")


def _read(directory: Path, name: str) -> bytes:
    path = directory / name
    try:
        content = state_directory.read_bounded(path)
    except OSError as error:
        raise _refuse(directory, f"cannot be used: {name}: {error.strerror}") from error
    fault = state_directory.private_fault(path)
    if path.is_symlink() or fault:
        raise _refuse(directory, f"cannot be trusted: {fault or f'{name} is a symbolic link'}")
    return content


def _refuse(directory: Path, why: str) -> InvalidConfig:
    message = (
        f"the local CA in {directory} {why}; put the right files back, or move that directory away and a new CA is "
        "made (clients must then trust its ca.pem)"
    )
    return InvalidConfig(message, key="state")


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        _write(beside, content)
        beside.rename(path)
        _sync(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be renewed: {error.strerror}", phase="start") from error


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123 - nobody may read it even for a moment
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
