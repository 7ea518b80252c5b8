"""The files that the sections about logins name: there, readable, and ours alone where they are secret."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.accounts.breached_filter import BreachedFilter
from mailward.accounts.hasher import Hasher
from mailward.errors import InputError, InvalidConfig, StoreError
from mailward.guard.address_list import InvalidAddressList
from mailward.server import config_values, state_directory
from mailward.server.config_login_checks import said
from mailward.server.config_logins import (
    AccountSourceConfig,
    ClientCertificatesConfig,
    DoorsConfig,
    Oauth2Config,
    PasswordsConfig,
)
from mailward.server.config_sections import AllowlistConfig, ListenerConfig

if TYPE_CHECKING:
    from mailward.server.config_lines import KeyPath

Told = Iterator[tuple["KeyPath", str]]
_SHORTEST_TOKEN: Final = 20  # characters
_READ: Final = ("file:", "asn:", "country:")


def told(value: object) -> Told:
    """The faults of one section, each with its key. Reads, changes nothing."""
    match value:
        case AllowlistConfig():
            yield from _lists(value, ("networks", "blocked", "never_ban"), value)
        case ListenerConfig():
            yield from _lists(value, ("allow", "block"), None)
        case PasswordsConfig():
            yield from _filters(value)
        case Oauth2Config():
            yield from _secret(("client_secret_file",), value.client_secret_file)
            yield from _ca(value.ca)
        case ClientCertificatesConfig():
            yield from _ca(value.ca)
        case DoorsConfig():
            yield from _token(value)
        case AccountSourceConfig():
            yield from _ca(value.ca)
            for key in ("password_file", "token_file"):
                yield from _secret((key,), getattr(value, key))
            yield from _source(value)


def _lists(section: AllowlistConfig | ListenerConfig, keys: tuple[str, ...], geo: AllowlistConfig | None) -> Told:
    """A listener's places are looked up in the database that the allowlist's own check opens."""
    database = None if geo is None else config_values.geo_of(geo)
    for key in keys:
        for index, entry in enumerate(getattr(section, key)):
            if not entry.startswith("file:") and (
                database is None or entry.partition(":")[0] not in {"asn", "country"}
            ):
                continue
            try:
                config_values.address_list((entry,), key, database).load()
            except InvalidAddressList as error:
                for fault in error.faults:
                    yield (key, index), fault.message
            except InputError as error:
                yield (key, index), error.message


def _filters(section: PasswordsConfig) -> Told:
    for index, path in enumerate(section.breached_files):
        try:
            BreachedFilter(Path(path)).close()
        except (InputError, StoreError) as error:
            yield ("breached_files", index), error.message


def _ca(ca: str | None) -> Told:
    if not ca:
        return
    try:
        state_directory.read_bounded(Path(ca))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
        yield ("ca",), f"{ca}: {why or 'no PEM certificates in it'}"


def _secret(key: KeyPath, path: str | None) -> Told:
    fault = state_directory.private_fault(Path(path)) if path else None
    if fault:
        yield key, fault


def _source(section: AccountSourceConfig) -> Told:
    """Made as the server makes it, which connects nowhere."""
    from mailward.accounts.sources.register import open_source  # noqa: PLC0415

    hasher = Hasher(workers=1)
    try:
        open_source(config_values.source_of(section), hasher=hasher, now=time.monotonic)
    except InputError as error:
        key = error.key.rpartition(".")[2] if isinstance(error, InvalidConfig) else ""
        yield (key,) if key in section.__struct_fields__ else ("kind",), said(error)
    finally:
        hasher.close()


def _token(doors: DoorsConfig) -> Told:
    if doors.token_file is None:
        return
    fault = state_directory.private_fault(Path(doors.token_file))
    if fault:
        yield ("token_file",), fault
        return
    try:
        text = state_directory.read_bounded(Path(doors.token_file)).decode().strip()
    except (OSError, ValueError, InvalidConfig):
        yield ("token_file",), f"{doors.token_file} cannot be read as text"
        return
    if len(text) < _SHORTEST_TOKEN:
        yield ("token_file",), f"{doors.token_file} holds fewer than {_SHORTEST_TOKEN} characters"
