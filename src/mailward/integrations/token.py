"""The token that a program shows at our HTTP doors, from a file that nobody else can read."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path
from typing import Final

from mailward.errors import InvalidConfig
from mailward.secret import Secret

_LEAST: Final = 20  # characters
_MOST: Final = 4096
_KEY: Final = "doors.token_file"


def read_token(path: Path) -> Secret:
    """The first line of the file, mode 0600. Raises InvalidConfig."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(_MOST + 1).decode("ascii", "replace").strip()
    except OSError as problem:
        raise InvalidConfig(
            f"{_KEY}: {path}: {problem.strerror}",
            key=_KEY,
            advice=f"make one: (umask 077; openssl rand -hex 24 > {path})",
        ) from problem
    if mode & 0o077:
        raise InvalidConfig(f"{_KEY}: {path} can be read by others", key=_KEY, advice=f"chmod 600 {path}")
    if not _LEAST <= len(text) <= _MOST or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidConfig(
            f"{_KEY}: {path} must hold one line of {_LEAST} to {_MOST} ASCII characters without a space", key=_KEY
        )
    return Secret(text)


def shows(token: Secret, authorization: str, api_key: str) -> bool:
    """Whether one of the headers `Authorization: Bearer …` and `X-API-Key: …` holds the token."""
    scheme, _, value = authorization.partition(" ")
    shown = value.strip() if scheme.lower() == "bearer" else api_key.strip()
    return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), token.reveal().encode())
