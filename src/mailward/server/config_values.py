"""Sections of `mailward.toml` as the values the rooms below are built with; InputError for what cannot be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.accounts.account import AccountOverride, canonical, sender_key
from mailward.accounts.rotation import Overlap
from mailward.errors import InputError
from mailward.guard.access import Access, Rule
from mailward.guard.address_list import AddressList
from mailward.guard.allowlist import Networks

if TYPE_CHECKING:
    from mailward.accounts.bearer_settings import BearerSettings
    from mailward.accounts.sources.register import Settings
    from mailward.guard.geo import GeoDatabase
    from mailward.secret import Secret
    from mailward.server.config_logins import AccountConfig, AccountSourceConfig, Oauth2Config, PasswordsConfig
    from mailward.server.config_sections import AllowlistConfig, Config, ListenerConfig

_ROOT: Final = Path("/")  # paths in a loaded configuration are absolute
_EVERYONE: Final = ("0.0.0.0/0", "::/0")


def lists_of(config: Config, names: Sequence[str]) -> tuple[Access, AddressList]:
    """Who may log in where, and who is never banned: `never_ban`, proxies, and whom `networks` names.

    names: of the listeners, in their order.
    """
    allowlist, database = config.allowlist, geo_of(config.allowlist)
    everywhere = Rule(
        address_list(allowlist.networks, "allowlist.networks", database),
        address_list(allowlist.blocked, "allowlist.blocked", database),
    )
    listeners = {
        names[at]: Rule(
            address_list(each.allow, f"listener[{at}].allow", database),
            address_list(each.block, f"listener[{at}].block", database),
        )
        for at, each in enumerate(config.listener)
        if _has_rule(each)
    }
    trusted = tuple(entry for each in config.listener for entry in (*each.proxy, *each.xclient))
    named = filter(_names_somebody, allowlist.networks)
    never = address_list((*allowlist.never_ban, *trusted, *named), "allowlist.never_ban", database)
    return Access(everywhere, listeners), never


def _names_somebody(entry: str) -> bool:
    """Whether an entry of the allowlist means people the operator knows, and not half of the world."""
    kind = entry.partition(":")[0]
    if kind in {"asn", "country"}:
        return False
    return kind in {"file", "dns"} or ip_network(entry).prefixlen >= (16 if ":" in entry else 8)


def geo_of(allowlist: AllowlistConfig) -> GeoDatabase | None:
    if allowlist.geo_database is None:
        return None
    from mailward.guard.geo import GeoDatabase  # noqa: PLC0415

    return GeoDatabase(Path(allowlist.geo_database))


def address_list(entries: tuple[str, ...], key: str, database: GeoDatabase | None = None) -> AddressList:
    return AddressList.parse(entries, base=_ROOT, database=database, key=key)


def overlap_of(passwords: PasswordsConfig) -> Overlap:
    """Of two passwords of one account."""
    return Overlap(days=passwords.overlap_days, silent_days=passwords.silent_days)


def overrides_of(accounts: Mapping[str, AccountConfig]) -> dict[str, AccountOverride]:
    """By the accounts' canonical names."""
    return {canonical(name): override_of(account) for name, account in accounts.items()}


def override_of(account: AccountConfig) -> AccountOverride:
    """Raises InputError."""
    if account.allow_from is not None:
        Networks.parse(account.allow_from)
    senders = account.senders
    return AccountOverride(
        allow_from=account.allow_from,
        senders=None if senders is None else tuple(map(sender_key, senders)),
        second_factor=account.second_factor,
        disabled=account.disabled,
    )


def source_of(section: AccountSourceConfig) -> Settings:
    """Keys that its kind does not have, or needs, are told."""
    from mailward.accounts.sources.register import KINDS  # noqa: PLC0415

    settings = KINDS[section.kind]
    given = {
        key: getattr(section, key)
        for key in section.__struct_fields__
        if key != "kind" and getattr(section, key) is not None
    }
    fields = {field.name: field for field in dataclasses.fields(settings)}
    for key in given:
        if key not in fields:
            raise InputError(f"{key} is no key of the kind {section.kind}; it has {', '.join(fields)}", phase="config")
    missing = [key for key, field in fields.items() if field.default is dataclasses.MISSING and key not in given]
    if missing:
        raise InputError(f"the kind {section.kind} needs {', '.join(missing)}", phase="config")
    return settings(**given)


def bearer_of(section: Oauth2Config, secret: Secret | None) -> BearerSettings:
    """secret: what is in `client_secret_file`."""
    from mailward.accounts.bearer_settings import BearerSettings  # noqa: PLC0415

    return BearerSettings(
        issuer=section.issuer,
        audience=section.audience,
        scopes=frozenset(section.scope.split()),
        account_claim=section.account_claim,
        jwks=section.jwks,
        introspection=section.introspection,
        client_id=section.client_id,
        client_secret=secret,
        algorithms=section.algorithms,
        leeway=section.leeway,
        timeout=section.timeout,
        ca=section.ca,
        insecure_http=section.insecure_http,
    )


def _has_rule(listener: ListenerConfig) -> bool:
    return listener.allow != _EVERYONE or bool(listener.block)
