"""The file of named servers, read strictly."""

from __future__ import annotations

import os
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import msgspec

from mailward.errors import InvalidConfig
from mailward.printable import printable

_MOST: Final = 1 << 20  # octets


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each key is the option of that name; what the command line says counts more."""

    via: str
    user: str | None = None
    password_file: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    ca: str | None = None
    pin: str | None = None
    tls: str | None = None
    cert: str | None = None
    key: str | None = None
    timeout: float | None = None
    local_address: str | None = None
    proxy: str | None = None
    ehlo_name: str | None = None

    def __repr__(self) -> str:
        return "Profile(…)"  # a password may stand in via, and in proxy


def read(file: Path, name: str) -> Profile:
    """The one of this name. Raises InvalidConfig, with the file and the key at fault."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST + 1)
            mode = os.fstat(opened.fileno()).st_mode
    except OSError as error:
        raise InvalidConfig(
            f"{file}: {error.strerror}", file=str(file), advice='write a table [NAME] with via = "smtps://…" there'
        ) from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InvalidConfig(f"{file}: others can write it", file=str(file), advice=f"chmod 600 {file}")
    try:
        found = msgspec.toml.decode(data[:_MOST], type=dict[str, Profile])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{file}: {printable(str(error), 300)}", file=str(file)) from error
    if name not in found:
        near = get_close_matches(name, found, n=1)
        raise InvalidConfig(
            f"{file}: there is no profile {printable(name, 40)!r}",
            file=str(file),
            key=name,
            advice=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(found)) or 'none'}",
        )
    return _placed(found[name], file.parent)


def _placed(profile: Profile, folder: Path) -> Profile:
    """A path that is not absolute is one beside the profiles: whoever chooses our working directory chooses no CA."""
    paths = {name: getattr(profile, name) for name in ("ca", "cert", "key", "password_file")}
    placed = {name: str(folder / Path(path).expanduser()) for name, path in paths.items() if path}
    return msgspec.structs.replace(profile, **placed)
