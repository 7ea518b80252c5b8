"""Relative paths in the configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mailward.server import config_paths, config_sections
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

BASE = Path("/etc/mailward")
EVERY = [
    TlsConfig(certificate="c.pem", key="k.pem"),
    DeliveryConfig(ca="c.pem", password_file="p"),
    EventsConfig(file="e.jsonl"),
    AllowlistConfig(
        networks=("::/0", "file:a.cidr"), blocked=("file:b.cidr",), never_ban=("file:n.cidr",), geo_database="g.mmdb"
    ),
    ListenerConfig(address="127.0.0.1:0", tls="implicit", allow=("file:a.cidr",), block=("::/0", "file:b.cidr")),
    PasswordsConfig(breached_files=("one.bf", "two.bf")),
    DoorsConfig(token_file="t"),
    Oauth2Config(issuer="i", audience="a", client_secret_file="s", ca="c.pem"),
    ClientCertificatesConfig(ca="c.pem"),
    AccountSourceConfig(kind="pam", path="p", password_file="s", token_file="t", ca="c.pem", confdir="pam.d"),
]


@pytest.mark.parametrize("section", EVERY, ids=lambda section: type(section).__name__)
def test_paths_begin_at_the_file(section: Section) -> None:
    """Every path is absolute afterwards; one that was before stays, and nothing else is touched."""
    moved = config_paths.absolute("x", section, BASE)

    assert isinstance(moved, Section)
    before, after = dict(config_paths.named(section)), dict(config_paths.named(moved))
    assert before
    assert after == {key: f"/etc/mailward/{path}" for key, path in before.items()}
    assert config_paths.absolute("x", moved, Path("/elsewhere")) == moved
    touched = {key[0] for key in before}
    kept = [key for key in section.__struct_fields__ if key not in touched]
    assert all(getattr(moved, key) == getattr(section, key) for key in kept)


def test_other_entries_of_lists_stay() -> None:
    """Only `file:` entries are paths."""
    moved = config_paths.absolute("allowlist", AllowlistConfig(networks=("::/0", "file:a", "dns:file.test")), BASE)

    assert isinstance(moved, AllowlistConfig)
    assert moved.networks == ("::/0", "file:/etc/mailward/a", "dns:file.test")


def test_the_state_and_tables_of_tables() -> None:
    """The state directory is a path, and a list of tables is one table after the other; other values stay."""
    assert config_paths.absolute("state", "state", BASE) == "/etc/mailward/state"
    assert config_paths.absolute("hostname", "a.test", BASE) == "a.test"
    assert config_paths.absolute("account_source", (AccountSourceConfig(kind="pam", confdir="x"),), BASE) == (
        AccountSourceConfig(kind="pam", confdir="/etc/mailward/x"),
    )
    assert config_paths.absolute("account_source", (AccountSourceConfig(kind="pam", confdir=""),), BASE) == (
        AccountSourceConfig(kind="pam", confdir=""),
    )


def test_no_path_is_forgotten() -> None:
    """Every key that is called a file, a path, a database or a CA is resolved."""
    kinds = {type(section): {str(key[0]) for key, _ in config_paths.named(section)} for section in EVERY}
    sections = [
        *(each for each in vars(config_sections).values() if isinstance(each, type) and issubclass(each, Section)),
        *kinds,
    ]
    named = {
        (kind, field.name)
        for kind in sections
        for field in msgspec.structs.fields(kind)
        if field.name in {"file", "path", "ca", "confdir", "geo_database", "certificate"}
        or field.name.endswith("_file")
    }

    assert {(kind.__name__, name) for kind, name in named if name not in kinds.get(kind, set())} == set()
