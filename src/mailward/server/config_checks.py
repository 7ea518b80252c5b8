"""What a well-formed configuration may not mean: addresses, networks, URLs, and sections at odds with each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from mailward.client.tls_mode import INSECURE_PLAINTEXT, endpoints
from mailward.client.url import parse_target
from mailward.errors import InputError
from mailward.printable import printable
from mailward.server import config_lists, config_login_checks, config_paths
from mailward.server.config_lines import KeyPath
from mailward.server.config_logins import AccountSourceConfig
from mailward.server.config_sections import (
    AllowlistConfig,
    Config,
    DeliveryConfig,
    GuardConfig,
    ListenerConfig,
    QueueConfig,
)
from mailward.server.config_structure import Fault

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_MOST_LISTENERS = 100
Told = Iterator[tuple[KeyPath, str]]


def faults_of(values: Mapping[str, object]) -> Iterator[Fault]:
    """Every fault of meaning in the sections that are well formed."""
    for name, value in values.items():
        items = {(name, at): item for at, item in enumerate(value)} if isinstance(value, tuple) else {(name,): value}
        for path, item in items.items():
            yield from (Fault(path + key, message) for key, message in _told(name, item))
    yield from (Fault(path, message) for path, message in _across(values))


def warnings_of(config: Config) -> list[str]:
    """What works but deserves a second look, one sentence each."""
    warnings = [
        f"listener {listener.address}: everyone on the path can read and change the mail (insecure-plaintext)"
        for listener in config.listener
        if listener.tls == "insecure-plaintext" and not listener.loopback
    ]
    if any(item.tls == "insecure-plaintext" for item in config.listener) and not config.allowlist.relay_without_login:
        warnings.append(
            "nobody can send through an insecure-plaintext listener: allowlist.relay_without_login is empty"
        )
    warnings += [
        f"allowlist.relay_without_login: {network} is a public network; all of it may send without a login"
        for network in config.allowlist.relay_without_login
        if ipaddress.ip_network(network).is_global
    ]
    warnings += [
        f"account_source[{at}] looks at the local part only: a name in two domains is one account with two budgets of"
        " guesses; name the domain too"
        for at, each in enumerate(config.account_source)
        if _only_local_part(each)
    ]
    if "tls=insecure-plaintext" in config.delivery.to:
        warnings.append("delivery.to: mail goes on in clear text (insecure-plaintext)")
    return warnings


def _only_local_part(source: AccountSourceConfig) -> bool:
    asked = " ".join(filter(None, (source.query, source.filter, source.dn)))
    local, domain = ("$2", "$3") if source.kind == "postgresql" else ("local_part", "domain")
    whole = "$1" if source.kind == "postgresql" else "user"
    return local in asked and domain not in asked and whole not in asked


def _told(name: str, value: object) -> Told:
    yield from _paths(*config_paths.named(value))
    match value:
        case str() if name == "hostname":
            yield from _hostname(value)
        case str():
            yield from _paths(((), value))
        case ListenerConfig():
            yield from _listener(value)
            yield from config_lists.of_listener(value)
        case DeliveryConfig():
            yield from _delivery(value)
        case AllowlistConfig():
            yield from _allowlist(value)
        case GuardConfig() if value.delay_first > value.delay_most:
            yield ("delay_first",), f"is longer than delay_most, {value.delay_most:g}"
        case QueueConfig():
            yield from _queue(value)
        case _:
            yield from config_login_checks.told(value)


def _hostname(name: str) -> Told:
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        bad = next((label for label in labels if not _LABEL.fullmatch(label)), name)
        yield (
            (),
            f"is not a host name (RFC 1123 §2.1): {printable(repr(bad), 80)}; letters, digits, hyphens and dots only",
        )
    elif labels[-1].isdigit():
        yield (), "is an address, not a name; certificates and greetings need a name"


def _paths(*paths: tuple[KeyPath, str]) -> Told:
    for at, path in paths:
        if not path or "\0" in path:
            yield at, "is not a path"
        elif path.startswith("~"):
            yield at, "“~” is not expanded here; write the whole path"


def _listener(listener: ListenerConfig) -> Told:
    host, colon, port = listener.address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        yield ("address",), f'needs "IP:port", here {_quoted(listener.address)}'
        return
    if len(port) > 5 or int(port) > 65_535:
        yield ("address",), f"port {port[:20]} is not within 0 to 65535"
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(listener.host)
    except ValueError:
        yield ("address",), f'{_quoted(host)} is not an IP address; write "127.0.0.1:5465", "0.0.0.0:465" or "[::]:465"'
        return
    if (address.version == 6) is not bracketed:
        yield ("address",), f'write "[{address}]:{port}"' if address.version == 6 else f'write "{address}:{port}"'


def _allowlist(allowlist: AllowlistConfig) -> Told:
    if not allowlist.networks:
        yield ("networks",), 'is empty: nobody could log in; everyone is ["0.0.0.0/0", "::/0"]'
    geo = allowlist.geo_database is not None
    for key in ("networks", "blocked", "never_ban"):
        yield from config_lists.faults_of(key, getattr(allowlist, key), geo=geo)
    for index, text in enumerate(allowlist.never_ban):
        if text.partition("/")[2] == "0":
            yield ("never_ban", index), f"{text} is everyone: no address would ever be refused for its wrong passwords"
    for index, text in enumerate(allowlist.relay_without_login):
        fault = config_lists.network_fault(text)
        if fault:
            yield ("relay_without_login", index), fault
        elif ipaddress.ip_network(text).prefixlen == 0:
            yield ("relay_without_login", index), f"{text} is everyone: this server would be an open relay"


def _delivery(delivery: DeliveryConfig) -> Told:
    if delivery.sandbox:
        if delivery.password_file or delivery.ca:
            yield ("to",), 'is "sandbox", which needs neither ca nor password_file'
        return
    try:
        target = parse_target(delivery.to)
        modes = {endpoint.mode for endpoint in endpoints(target, port=None, tls="auto")}
    except InputError as error:
        yield ("to",), f"{error.message}; {error.advice}" if error.advice else error.message
        return
    if target.scheme is None:
        yield ("to",), 'is neither "sandbox" nor a URL; write "smtps://mail.example.com"'
    elif target.password is not None:
        yield ("to",), "holds a password; put it in a file (mode 0600) and name that in delivery.password_file"
    elif target.user and not delivery.password_file:
        yield ("to",), "names a user; put the password in a file (mode 0600) and name that in delivery.password_file"
    elif delivery.password_file and not target.user:
        yield ("password_file",), "is of no use: delivery.to names no user (smtps://user@host)"
    elif target.user and INSECURE_PLAINTEXT in modes:
        yield ("to",), "would log in over clear text; leave tls=insecure-plaintext out"


def _queue(queue: QueueConfig) -> Told:
    if queue.first_retry > queue.longest_retry:
        yield ("first_retry",), f"is longer than longest_retry, {queue.longest_retry:g}"
    if queue.longest_retry > queue.give_up_after:
        yield ("longest_retry",), f"is longer than give_up_after, {queue.give_up_after:g}"


def _across(values: Mapping[str, object]) -> Told:
    sources = values.get("account_source")
    if isinstance(sources, tuple):
        yield from ((("account_source", *key), told) for key, told in config_login_checks.names_twice(sources))
    every = values.get("listener")
    if not isinstance(every, tuple):
        return
    if not every:
        yield ("listener",), "is empty: a server needs at least one [[listener]]"
    if len(every) > _MOST_LISTENERS:
        yield ("listener",), f"has {len(every)} tables, and {_MOST_LISTENERS} are the most"
        return
    sound = [
        (at, item) for at, item in enumerate(every) if isinstance(item, ListenerConfig) and not any(_listener(item))
    ]
    for (_, first), (at, second) in combinations(sound, 2):
        if _collide(first, second):
            yield ("listener", at, "address"), f"{second.address} is taken by the listener {first.address} above"
    allowlist = values.get("allowlist", AllowlistConfig())
    if isinstance(allowlist, AllowlistConfig):
        for at, item in sound:
            yield from ((("listener", at, *key), told) for key, told in _with_allowlist(item, allowlist))


def _with_allowlist(listener: ListenerConfig, allowlist: AllowlistConfig) -> Told:
    if allowlist.geo_database is None:
        yield from config_lists.places_of(listener)
    if not allowlist.relay_without_login and listener.tls == "insecure-plaintext" and not listener.loopback:
        yield (
            ("tls",),
            "nobody could use it: there is no login in plaintext, and allowlist.relay_without_login is empty",
        )


def _collide(first: ListenerConfig, second: ListenerConfig) -> bool:
    if first.port != second.port or first.port == 0:
        return False
    one, two = ipaddress.ip_address(first.host), ipaddress.ip_address(second.host)
    return one.version == two.version and (one == two or one.is_unspecified or two.is_unspecified)


def _quoted(text: str) -> str:
    return f'"{printable(text, 80)}"'
