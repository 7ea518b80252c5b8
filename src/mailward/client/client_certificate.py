"""The certificate a client shows when a server asks for one, and its key (RFC 8446 §4.4.2, RFC 4422 EXTERNAL)."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

from mailward.errors import InputError
from mailward.printable import printable
from mailward.secret import Secret

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM files: the certificate with what leads to its authority, and the key, which may be in the same file.

    They are read again for a new connection when one of them has changed, so that a renewal needs no restart.
    """

    certfile: str
    keyfile: str
    password: Secret | None = None

    @classmethod
    def of(cls, value: object) -> ClientCertificate | None:
        """A path, or a path with the key's, and with the key's password. Raises InputError."""
        match value:
            case None | ClientCertificate():
                return value
            case str() | PathLike():
                return cls(fspath(value), fspath(value))
            case (str() | PathLike() as certfile, str() | PathLike() as keyfile):
                return cls(fspath(certfile), fspath(keyfile))
            case (str() | PathLike() as certfile, str() | PathLike() as keyfile, str() | Secret() as password):
                return cls(fspath(certfile), fspath(keyfile), Secret.of(password))
        raise InputError(
            "cert= is no client's certificate", phase="options", advice='give cert=("cert.pem", "key.pem"[, password])'
        )

    def stamp(self) -> Stamp | None:
        """What changes when a file does; None while one is missing."""
        try:
            found = [Path(path).stat() for path in (self.certfile, self.keyfile)]
        except OSError:
            return None
        return tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in found)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Raises InputError for what cannot be read, or does not fit together."""
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.certfile, self.keyfile, self.password.reveal() if self.password else "")
        except ssl.SSLError as error:
            reason = (error.reason or "it is no PEM file with a certificate and a key").replace("_", " ").lower()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be read"
        else:
            return
        where = self.certfile if self.certfile == self.keyfile else f"{self.certfile} with {self.keyfile}"
        raise InputError(
            f"cert= {printable(where)}: {reason}",
            phase="options",
            advice="give a certificate, its own private key as PEM, and the key's password if it has one",
        )


Cert: TypeAlias = ClientCertificate | str | PathLike[str] | Sequence[str | PathLike[str] | Secret]
