"""What the sections about logins may not mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from mailward.accounts.account import canonical
from mailward.accounts.rules import rules_of
from mailward.errors import InputError
from mailward.integrations.doors import DoorSettings
from mailward.printable import printable
from mailward.secret import Secret
from mailward.server import config_values
from mailward.server.config_logins import (
    AccountConfig,
    AccountSourceConfig,
    ClientCertificatesConfig,
    DoorsConfig,
    Oauth2Config,
    PasswordsConfig,
)

if TYPE_CHECKING:
    from mailward.server.config_lines import KeyPath

Told = Iterator[tuple["KeyPath", str]]
_LOCAL = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")
_HTTP = ("dovecot_policy", "http_api")


def told(value: object) -> Told:
    """The faults of one section, each with its key."""
    match value:
        case PasswordsConfig():
            yield from _tried(rules_of, value)
        case AccountSourceConfig():
            yield from _tried(config_values.source_of, value)
        case Oauth2Config():
            yield from _oauth2(value)
        case ClientCertificatesConfig():
            yield from _pins(value)
        case DoorsConfig():
            yield from _doors(value)
        case dict():
            yield from _accounts(value)


def _tried(made_of: Callable[[Any], object], value: object) -> Told:
    try:
        made_of(value)
    except InputError as error:
        yield _key_in(error.message, value), said(error)


def said(error: InputError) -> str:
    """What is wrong and what to do, without the key that is told before it."""
    message = re.sub(r"^[a-z_0-9]+\.[a-z_0-9]+:? ", "", error.message)
    return f"{message}; {error.advice}" if error.advice and error.advice not in message else message


def _oauth2(section: Oauth2Config) -> Told:
    secret = None if section.client_secret_file is None else Secret("to be read")
    yield from _tried(lambda value: config_values.bearer_of(value, secret), section)


def _pins(section: ClientCertificatesConfig) -> Told:
    from mailward.accounts.certificates import pins_of  # noqa: PLC0415

    for pin, account in section.accounts.items():
        try:
            pins_of({pin: account})
        except InputError as error:
            yield ("accounts", pin), said(error)


def _accounts(accounts: dict[str, AccountConfig]) -> Told:
    seen: dict[str, str] = {}
    for name, account in accounts.items():
        try:
            key = canonical(name)
        except InputError as error:
            yield (name,), said(error)
            continue
        if key in seen:
            yield (name,), f"is the same account as {printable(seen[key], 80)!r} above"
        seen[key] = name
        for each in ("allow_from", "senders"):
            alone = AccountConfig(**{each: getattr(account, each)})
            yield from (((name, each), message) for _, message in _tried(config_values.override_of, alone))


def names_twice(sources: tuple[object, ...]) -> Told:
    """Account sources that could not be told apart in events; one without a name is called by its kind."""
    names: list[str] = []
    for at, source in enumerate(sources):
        if isinstance(source, AccountSourceConfig):
            name = source.name or source.kind
            if name in names:
                key: KeyPath = (at, "kind" if source.name is None else "name")
                yield key, f"another account source is called {printable(name, 80)!r}; give each a name of its own"
            names.append(name)


def _doors(doors: DoorsConfig) -> Told:
    faults = [*_addresses(doors), *_mode(doors.socket_mode)]
    yield from faults or _tried(lambda value: DoorSettings(**msgspec.structs.asdict(value)).check(), doors)


def _addresses(doors: DoorsConfig) -> Told:
    for key in ("dovecot_auth", "postfix_policy", "socketmap", *_HTTP):
        address = getattr(doors, key)
        if address is None:
            continue
        if not (address.startswith("unix:/") or _LOCAL.fullmatch(address)):
            yield (key,), 'is neither "unix:/path" nor a loopback address such as "127.0.0.1:7003"'
        elif key in _HTTP and doors.token_file is None:
            yield (
                (key,),
                "needs a secret: name a file (mode 0600) that holds 20 characters or more in doors.token_file",
            )


def _mode(mode: str) -> Told:
    if not re.fullmatch(r"0[0-7]{3}", mode):
        yield ("socket_mode",), 'is not a mode such as "0660"'
    elif int(mode, 8) & 0o007:
        yield ("socket_mode",), "lets everybody on this machine in; give access with socket_group"


def _key_in(message: str, section: object) -> KeyPath:
    """The first key of the section that the message names."""
    keys = set(getattr(section, "__struct_fields__", ()))
    return next(((word,) for word in re.findall(r"[a-z_0-9]+", message) if word in keys), ())
