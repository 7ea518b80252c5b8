"""The sections about logins, as they are written and as they are read."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mailward.accounts.account import AccountOverride
from mailward.accounts.rules import PasswordRules
from mailward.integrations.doors import DoorSettings
from mailward.server import config
from mailward.server.config_logins import (
    AccountConfig,
    AccountSourceConfig,
    ClientCertificatesConfig,
    DoorsConfig,
    Oauth2Config,
    PasswordsConfig,
)

PIN = "0f" * 32
EVERY_SECTION = f"""
hostname = "mail.example.test"
state = "state"

[[listener]]
address = "127.0.0.1:5465"
tls = "implicit"
allow = ["192.0.2.0/24", "dns:home.example.net"]
block = ["192.0.2.66"]
proxy = ["192.0.2.1/32"]
xclient = ["192.0.2.2/32"]

[allowlist]
networks = ["0.0.0.0/0", "2001:db8::/32"]
blocked = ["203.0.113.0/24"]
never_ban = ["192.0.2.3"]

[guard]
distinct_wrong_passwords_per_account = 12
ring_factors = [2, 4]

[passwords]
profile = "legacy"
minimum_length = 12
minimum_length_with_second_factor = 9
maximum_length = 100
minimum_score = 2
character_classes = 3
letters_and_digits = true
history = 4
maximum_age_days = 90
minimum_age_days = 1
warn_days = 10
grace_days = 3
words = ["acme"]
breached = false
breached_range_service = "https://range.example.test/"

[account."ann@example.test"]
allow_from = ["192.0.2.0/24", "2001:db8::/32"]
senders = ["info@example.test"]
second_factor = true

[account."bob@example.test"]
disabled = true

[doors]
dovecot_auth = "unix:/run/mailward/auth"
postfix_policy = "127.0.0.1:7001"
socketmap = "[::1]:7002"
socket_mode = "0640"
socket_group = "mail"

[oauth2]
issuer = "https://id.example.test"
audience = "mailward"
scope = "mail send"
account_claim = "upn"
jwks = "https://id.example.test/keys"
algorithms = ["ES256"]
leeway = 5
timeout = 2

[client_certificates]
ca = "clients.pem"
accounts = {{ "{PIN}" = "ann@example.test" }}
email_names = false

[[account_source]]
kind = "passwd-file"
path = "legacy.passwd"

[[account_source]]
kind = "sqlite"
name = "shop"
path = "/srv/users.db"
query = "SELECT password FROM users WHERE name = :user"
timeout = 2.5
connections = 2
"""


@pytest.fixture(scope="module")
def whole() -> config.Config:
    return config.parse(EVERY_SECTION, "/etc/mailward/mailward.toml", files=False)


def test_every_section_is_read(whole: config.Config) -> None:
    """What is written is what is there, whatever the section."""
    assert whole.passwords == PasswordsConfig(
        profile="legacy",
        minimum_length=12,
        minimum_length_with_second_factor=9,
        maximum_length=100,
        minimum_score=2,
        character_classes=3,
        letters_and_digits=True,
        history=4,
        maximum_age_days=90,
        minimum_age_days=1,
        warn_days=10,
        grace_days=3,
        words=("acme",),
        breached=False,
        breached_range_service="https://range.example.test/",
    )
    assert whole.account == {
        "ann@example.test": AccountConfig(
            allow_from=("192.0.2.0/24", "2001:db8::/32"), senders=("info@example.test",), second_factor=True
        ),
        "bob@example.test": AccountConfig(disabled=True),
    }
    assert whole.doors == DoorsConfig(
        dovecot_auth="unix:/run/mailward/auth",
        postfix_policy="127.0.0.1:7001",
        socketmap="[::1]:7002",
        socket_mode="0640",
        socket_group="mail",
    )
    assert whole.guard.ring_factors == (2, 4)


def test_who_vouches_is_read(whole: config.Config) -> None:
    """Identity provider, client certificates and the other sources of accounts, in their order."""
    assert whole.oauth2 == Oauth2Config(
        issuer="https://id.example.test",
        audience="mailward",
        scope="mail send",
        account_claim="upn",
        jwks="https://id.example.test/keys",
        algorithms=("ES256",),
        leeway=5.0,
        timeout=2.0,
    )
    assert whole.client_certificates == ClientCertificatesConfig(
        ca="/etc/mailward/clients.pem", accounts={PIN: "ann@example.test"}, email_names=False
    )
    assert whole.account_source == (
        AccountSourceConfig(kind="passwd-file", path="/etc/mailward/legacy.passwd"),
        AccountSourceConfig(
            kind="sqlite",
            name="shop",
            path="/srv/users.db",
            query="SELECT password FROM users WHERE name = :user",
            timeout=2.5,
            connections=2,
        ),
    )


def test_without_them_nothing_is_open() -> None:
    """A file that says nothing of logins has no other source, no token, no certificate and no door."""
    bare = config.parse(
        'hostname = "a.test"\nstate = "s"\nlistener = [{ address = "127.0.0.1:0", tls = "implicit" }]', "x"
    )

    assert (bare.oauth2, bare.client_certificates, bare.account_source, bare.account) == (None, None, (), {})
    assert bare.doors == DoorsConfig()
    assert bare.passwords == PasswordsConfig()


def test_sections_fit_what_they_are_for() -> None:
    """No rule of passwords, no door and no override lacks its key."""
    assert set(PasswordsConfig.__struct_fields__) >= {
        field.name for field in fields(PasswordRules) if field.name != "breached_range_timeout"
    }
    assert set(DoorsConfig.__struct_fields__) == {field.name for field in fields(DoorSettings)}
    assert set(AccountConfig.__struct_fields__) == {field.name for field in fields(AccountOverride)}
