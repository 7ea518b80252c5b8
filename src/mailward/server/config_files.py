"""The files a configuration names: there, readable, ours alone where they are secret, and fitting each other."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.errors import InvalidConfig
from mailward.server import config_login_files, state_directory
from mailward.server.config_lines import KeyPath
from mailward.server.config_sections import Config, DeliveryConfig, EventsConfig, TlsConfig
from mailward.server.config_structure import Fault
from mailward.server.local_ca import no_pass_phrase

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Told = Iterator[tuple[KeyPath, str]]


def faults_of(values: Mapping[str, object]) -> Iterator[Fault]:
    """Every fault in the files that the well-formed sections name. Reads, changes nothing."""
    hostname = values.get("hostname")
    for name, value in values.items():
        match value:
            case str() if name == "state":
                told = _state(Path(value))
            case TlsConfig():
                told = _tls(value, hostname if isinstance(hostname, str) else None)
            case DeliveryConfig():
                told = _delivery(value)
            case EventsConfig():
                told = _events(value)
            case _:
                yield from _of_logins(name, value)
                continue
        yield from (Fault((name, *key), message) for key, message in told)


def _of_logins(name: str, value: object) -> Iterator[Fault]:
    items = {(name, at): item for at, item in enumerate(value)} if isinstance(value, tuple) else {(name,): value}
    for path, item in items.items():
        yield from (Fault((*path, *key), message) for key, message in config_login_files.told(item))


def warnings_of(config: Config, now: datetime) -> list[str]:
    """What clients will stumble over soon: a certificate that is over or nearly so."""
    if config.tls is None:
        return []
    left = _certificate(Path(config.tls.certificate)).not_valid_after_utc - now
    if left.total_seconds() <= 0:
        return ["tls.certificate has expired: clients refuse it"]
    return [f"tls.certificate expires in {left.days} days"] if left.days < 14 else []


def _state(state: Path) -> Told:
    if not state.exists() and not state.is_symlink():
        return
    try:
        state_directory.verify(state)
    except InvalidConfig as error:
        yield (), error.message


def _tls(tls: TlsConfig, hostname: str | None) -> Told:
    from mailward.server import certificates  # noqa: PLC0415 - heavy, and only [tls] needs it

    key_fault = state_directory.private_fault(Path(tls.key))
    if key_fault:
        yield ("key",), key_fault
    try:
        certificate = _certificate(Path(tls.certificate))
        names = certificates.names_of(certificate)
    except (OSError, ValueError) as error:
        yield ("certificate",), f"{tls.certificate}: {_why(error, 'no PEM certificate in it')}"
        return
    if hostname and not certificates.is_named(hostname, names):
        yield ("certificate",), f"is for {', '.join(names) or 'no name at all'}, not for the hostname {hostname}"
    if not key_fault:
        yield from _pair(tls)


def _pair(tls: TlsConfig) -> Told:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, password=no_pass_phrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield ("key",), f"{tls.key} is not the key of {tls.certificate}"
        else:
            yield ("key",), f"{tls.key} holds no usable PEM key ({error.reason or 'unreadable'})"
    except (OSError, ValueError) as error:
        yield ("key",), f"{tls.key}: {_why(error, str(error))}"


def _delivery(delivery: DeliveryConfig) -> Told:
    if delivery.ca is not None:
        try:
            state_directory.read_bounded(Path(delivery.ca))
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(delivery.ca)
        except (OSError, ValueError) as error:
            yield ("ca",), f"{delivery.ca}: {_why(error, 'no PEM certificates in it')}"
    if delivery.password_file is not None:
        fault = state_directory.private_fault(Path(delivery.password_file))
        if fault:
            yield ("password_file",), fault


def _events(events: EventsConfig) -> Told:
    if events.file is not None and not Path(events.file).parent.is_dir():
        yield ("file",), f"{Path(events.file).parent} is not a directory"


def _certificate(path: Path) -> Certificate:
    from mailward.server import certificates  # noqa: PLC0415

    return certificates.read_certificate(state_directory.read_bounded(path))


def _why(error: Exception, otherwise: str) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return error.strerror or otherwise
    return otherwise
