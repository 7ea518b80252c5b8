"""Dovecot's passwd-file."""

from __future__ import annotations

import pytest

from mailward.accounts.imported import BadLine, Entry, Skipped
from mailward.accounts.imports.dovecot import FORMAT

HASH = "{SSHA}" + "YWFh" * 8


def read(*lines: str) -> list[Entry | Skipped | BadLine]:
    return list(FORMAT.read(enumerate(lines, 1), 0))


def test_fields() -> None:
    """Name, hash, networks, and who may not log in; what is about mailboxes is passed over."""
    first, second, third = read(
        "# comment", "",
        f"ann@example.test:{HASH}:1000:1000::/home/ann::userdb_mail=maildir:~/x allow_nets=192.0.2.0/24,2001:db8::1",
        f"bob:{HASH}::::::nologin=y reason=gone", f"eve:{HASH}::::::nologin=no",
    )  # fmt: skip

    assert isinstance(first, Entry)
    assert (first.line, first.name, first.verifier, first.scheme) == (3, "ann@example.test", HASH, "salted-sha")
    assert first.allow_from == ("192.0.2.0/24", "2001:db8::1/128")
    assert isinstance(second, Entry)
    assert second.disabled
    assert isinstance(third, Entry)
    assert not third.disabled


@pytest.mark.parametrize(
    "plain", ["{PLAIN}pass word", "{CLEARTEXT}pass word", "{plain.b64}cGFzcyB3b3Jk", "{PLAIN.HEX}7061737320776f7264"]
)
def test_passwords_in_clear(plain: str) -> None:
    """They are kept as a secret to hash, never as a verifier."""
    (entry,) = read(f"ann:{plain}")

    assert isinstance(entry, Entry)
    assert entry.verifier is None
    assert entry.password is not None
    assert entry.password.reveal() == "pass word"
    assert "pass word" not in repr(entry)


def test_scram_keys() -> None:
    """Dovecot's SCRAM-SHA-256 brings keys."""
    (entry,) = read("ann:{SCRAM-SHA-256}4096,c2FsdHNhbHQ=," + ",".join(["YWFh" * 10 + "YWE="] * 2))

    assert isinstance(entry, Entry)
    assert entry.scram is not None
    assert entry.scram.salt == b"saltsalt"


@pytest.mark.parametrize(
    "line, why",
    [
        ("ann", "no colon"),
        (f":{HASH}", "no account name"),
        ("ann:{PLAIN}", "empty"),
        ("ann:{PLAIN.B64}!", "empty"),
        ("ann:rqXexS6ZhobKA", "no known scheme"),
        (f"ann:{HASH}::::::nopassword", "any password opens it"),
        (f"ann:{HASH}::::::allow_nets=local", "not a network"),
        (f"ann:{HASH}::::::allow_nets=,", "no network"),
        (f"ann:{HASH}::::::proxy host=192.0.2.1", "another server"),
        ("ann\udcff:x", "not UTF-8"),
    ],
)
def test_bad_lines(line: str, why: str) -> None:
    """Each is told with its number and why; no limit of Dovecot's is dropped in silence."""
    (bad,) = read(line)

    assert isinstance(bad, BadLine)
    assert why in bad.why


def test_no_password() -> None:
    """An account that another passdb proves is left out."""
    assert read("ann:::::::") == [Skipped(1, "it has no password; another source proves it")]
