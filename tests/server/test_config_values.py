"""Sections as the values that the rooms below are built with."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.account import AccountOverride
from mailward.accounts.sources.http import HttpSettings
from mailward.accounts.sources.ldap import LdapSettings
from mailward.accounts.sources.pam import PamSettings
from mailward.accounts.sources.passwd_file import PasswdFileSettings
from mailward.accounts.sources.postgresql import PostgresSettings
from mailward.accounts.sources.sqlite import SqliteSettings
from mailward.errors import InputError
from mailward.guard.source import canonical_source
from mailward.secret import Secret
from mailward.server import config_values
from mailward.server.config_logins import AccountConfig, AccountSourceConfig, Oauth2Config
from mailward.server.config_sections import AllowlistConfig, Config, ListenerConfig

HOME, NEIGHBOUR, FAR = map(ipaddress.ip_address, ("192.0.2.7", "192.0.2.66", "203.0.113.9"))


def whole(allowlist: AllowlistConfig, *listeners: ListenerConfig) -> Config:
    return Config(hostname="a.test", state="/state", listener=listeners, allowlist=allowlist)


def listener(**lists: Any) -> ListenerConfig:
    return ListenerConfig(address="127.0.0.1:0", tls="implicit", **lists)


def test_lists_of_everybody_and_of_each_listener(tmp_path: Path) -> None:
    """Who is let in globally and at the listener, and blocked at neither; files are read by `load`."""
    office = tmp_path / "office.cidr"
    office.write_text("192.0.2.0/24\n")
    allowlist = AllowlistConfig(networks=(f"file:{office}", "198.51.100.0/24"), blocked=("198.51.100.9",))
    config = whole(allowlist, listener(), listener(block=("192.0.2.64/26",)))

    access, never = config_values.lists_of(config, ["one", "two"])
    access.load()
    never.load()

    assert [access.allows(each, "one") for each in (HOME, NEIGHBOUR, FAR)] == [True, True, False]
    assert [access.allows(each, "two") for each in (HOME, NEIGHBOUR, FAR)] == [True, False, False]
    assert not access.allows(ipaddress.ip_address("198.51.100.9"), "one")
    assert HOME in never  # named by the operator, and never banned; FAR is nobody to them


def test_named_networks_are_never_banned() -> None:
    """Whom `[allowlist] networks` names is known to the operator; everyone, half of the world and a country are not."""
    wide = ("0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3")
    assert not config_values.lists_of(whole(AllowlistConfig(networks=wide)), ())[1]

    _, never = config_values.lists_of(whole(AllowlistConfig(networks=("192.0.2.0/24", "2001:db8::/32", *wide))), ())
    assert canonical_source("192.0.2.7") in never
    assert canonical_source("2001:db8::7") in never
    assert canonical_source("198.51.100.7") not in never


def test_proxies_are_never_banned() -> None:
    """Nor is whom `never_ban` names: many stand behind one address."""
    config = whole(
        AllowlistConfig(never_ban=("203.0.113.9",)),
        listener(proxy=("192.0.2.7/32",)),
        listener(xclient=("192.0.2.66/32",)),
    )

    _, never = config_values.lists_of(config, ["one", "two"])
    never.load()

    assert [each in never for each in (HOME, NEIGHBOUR, FAR)] == [True] * 3
    assert ipaddress.ip_address("192.0.2.8") not in never


def test_overrides_go_by_the_canonical_name() -> None:
    """However the account is spelled in the file; what the file leaves out is left to the store."""
    found = config_values.overrides_of(
        {"ANN@Example.TEST": AccountConfig(senders=("Info@EXAMPLE.test",), disabled=False)}
    )

    assert found == {
        "ann@example.test": AccountOverride(
            allow_from=None, senders=("info@example.test",), second_factor=None, disabled=False
        )
    }


@pytest.mark.parametrize(
    "account", [AccountConfig(allow_from=("192.0.2.1/24",)), AccountConfig(senders=("nobody",))], ids=repr
)
def test_overrides_that_cannot_be(account: AccountConfig) -> None:
    """Networks are networks, senders are mailboxes."""
    with pytest.raises(InputError):
        config_values.overrides_of({"ann@example.test": account})


@pytest.mark.parametrize(
    "section, settings",
    [
        ({"kind": "passwd-file", "path": "/p"}, PasswdFileSettings(path="/p")),
        ({"kind": "sqlite", "path": "/p", "query": "q"}, SqliteSettings(path="/p", query="q")),
        (
            {"kind": "postgresql", "host": "h", "database": "d", "user": "u", "query": "q", "port": 6432},
            PostgresSettings(host="h", database="d", user="u", query="q", port=6432),
        ),
        (
            {"kind": "ldap", "url": "ldaps://l.test", "base": "ou=people", "timeout": 2.0, "name": "people"},
            LdapSettings(url="ldaps://l.test", base="ou=people", timeout=2.0, name="people"),
        ),
        ({"kind": "pam", "domain": "example.test"}, PamSettings(domain="example.test")),
        ({"kind": "http", "url": "https://h.test/"}, HttpSettings(url="https://h.test/")),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_each_kind_of_source(section: dict[str, object], settings: object) -> None:
    """A source has the keys of its kind, and the kind's defaults for what is left out."""
    assert config_values.source_of(AccountSourceConfig(**section)) == settings  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "section, told",
    [
        (AccountSourceConfig(kind="passwd-file", path="/p", query="q"), "query is no key of the kind passwd-file"),
        (AccountSourceConfig(kind="sqlite", path="/p"), "the kind sqlite needs query"),
        (AccountSourceConfig(kind="http"), "the kind http needs url"),
    ],
)
def test_keys_that_do_not_fit(section: AccountSourceConfig, told: str) -> None:
    """A key of another kind, or none where one is needed."""
    with pytest.raises(InputError, match=told):
        config_values.source_of(section)


def test_bearer_tokens() -> None:
    """The scope is words; the secret comes from its file, and is shown nowhere."""
    section = Oauth2Config(
        issuer="https://id.test", audience="us", scope="mail  send", introspection="https://id.test/i", client_id="me"
    )
    settings = config_values.bearer_of(section, Secret("s3cret-of-us"))

    assert settings.scopes == frozenset({"mail", "send"})
    assert (settings.issuer, settings.audience, settings.client_id) == ("https://id.test", "us", "me")
    assert "s3cret" not in repr(settings)
    with pytest.raises(InputError, match="client_secret_file"):
        config_values.bearer_of(section, None)
