"""A TLS context that believes the authorities it is given, or the system's, and checks all it can (RFC 5280)."""

from __future__ import annotations

import ssl
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

from mailward.errors import InputError
from mailward.printable import printable

Ca: TypeAlias = str | PathLike[str] | bytes

_SUFFIXES = (".pem", ".crt", ".cer")


def empty_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname are its defaults
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    return context


def trusting(ca: Ca | None) -> ssl.SSLContext:
    """Raises InputError for what cannot be read."""
    context = empty_context()
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if isinstance(ca, str) and "-----BEGIN" in ca:
        ca = ca.encode()  # the text of a file, not its name
    if isinstance(ca, bytes):
        _load(context, ca, "ca= (octets)")
        return context
    if not isinstance(ca, str | PathLike):
        raise InputError("ca= must be a path, or certificates as PEM or DER", phase="options")
    if not fspath(ca):  # Path("") is the current directory, and whatever authorities lie there
        raise InputError("ca= is empty", phase="options", advice="leave it out for the system's authorities")
    for path in _files(Path(fspath(ca))):
        _load(context, _octets(path), f"ca= {printable(str(path))}")
    return context


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    if not files:
        suffixes = ", ".join(_SUFFIXES)
        raise InputError(f"ca= {printable(str(path))}: no {suffixes} file in this directory", phase="options")
    return files


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"ca= {printable(str(path))}: {error.strerror}", phase="options") from error


def _load(context: ssl.SSLContext, data: bytes, where: str) -> None:
    try:
        context.load_verify_locations(cadata=data.decode("ascii") if b"-----BEGIN" in data else data)
    except (ssl.SSLError, ValueError) as error:
        raise InputError(
            f"{where}: no certificate can be read from it", phase="options", advice="give certificates as PEM or DER"
        ) from error
