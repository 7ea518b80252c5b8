"""Relative paths in `mailward.toml` begin at the file's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from mailward.server.config_lines import KeyPath
from mailward.server.config_logins import (
    AccountSourceConfig,
    ClientCertificatesConfig,
    DoorsConfig,
    Oauth2Config,
    PasswordsConfig,
)
from mailward.server.config_section import Section
from mailward.server.config_sections import (
    AllowlistConfig,
    DeliveryConfig,
    EventsConfig,
    ListenerConfig,
    TlsConfig,
)

_LISTS: Final = "file:"  # an entry of a list of networks that is a file
_PATHS: Final[dict[type[Section], tuple[str, ...]]] = {
    TlsConfig: ("certificate", "key"),
    DeliveryConfig: ("ca", "password_file"),
    EventsConfig: ("file",),
    AllowlistConfig: ("geo_database",),
    PasswordsConfig: ("breached_files",),
    DoorsConfig: ("token_file",),
    Oauth2Config: ("client_secret_file", "ca"),
    ClientCertificatesConfig: ("ca",),
    AccountSourceConfig: ("path", "password_file", "token_file", "ca", "confdir"),
}
_NETWORKS: Final[dict[type[Section], tuple[str, ...]]] = {
    AllowlistConfig: ("networks", "blocked", "never_ban"),
    ListenerConfig: ("allow", "block", "proxy", "xclient"),
}


def absolute(name: str, value: object, base: Path) -> object:
    """A value of the top level with every path in it made absolute."""
    if name == "state":
        return str(base / str(value))
    if isinstance(value, tuple):
        return tuple(absolute("", item, base) for item in value)
    if not isinstance(value, Section):
        return value
    changes = {key: _resolved(getattr(value, key), base) for key in _PATHS.get(type(value), ())}
    changes |= {key: _entries(getattr(value, key), base) for key in _NETWORKS.get(type(value), ())}
    return msgspec.structs.replace(value, **changes) if changes else value


def named(section: object) -> Iterator[tuple[KeyPath, str]]:
    """Each path in a section, with its key."""
    if not isinstance(section, Section):
        return
    kind = type(section)
    for key in _PATHS.get(kind, ()):
        value = getattr(section, key)
        if isinstance(value, str):
            yield (key,), value
        elif isinstance(value, tuple):
            yield from (((key, at), each) for at, each in enumerate(value))
    for key in _NETWORKS.get(kind, ()):
        for at, entry in enumerate(getattr(section, key)):
            if entry.startswith(_LISTS):
                yield (key, at), entry.removeprefix(_LISTS)


def _resolved(path: object, base: Path) -> object:
    if isinstance(path, tuple):
        return tuple(_resolved(each, base) for each in path)
    return str(base / path) if isinstance(path, str) and path else path


def _entries(entries: tuple[str, ...], base: Path) -> tuple[str, ...]:
    return tuple(
        f"{_LISTS}{base / entry.removeprefix(_LISTS)}" if entry.startswith(_LISTS) else entry for entry in entries
    )
