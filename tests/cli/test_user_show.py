"""`mailward user show`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailward.accounts.account import Account, AppPassword, StoredPassword
from mailward.cli.installation import opened
from mailward.cli.user_accounts import accounts_of
from mailward.cli.user_show import as_json_of, notes
from tests.cli.conftest import ANN, Run

APP = AppPassword(7, "phone", "abcdefgh", "canary", None, frozenset({"smtp"}), (), 0.0, 90.0, 50.0)
ACCOUNT = Account(
    ANN, (StoredPassword(1, "canary", None, 0.0, 10.0, 80.0, 90.0),), (ANN,), 0.0, 0.0, app_passwords=(APP,)
)


def test_which_was_used_when(run: Run, installed: Path) -> None:
    """For people, each password with its last use and its end."""
    with opened(installed) as place, accounts_of(place) as accounts:
        accounts.used(ANN, accounts.existing(ANN).passwords[0].id, 1_000_000.0)
    run("user", "rotate", ANN, "--generate", "--config", installed)
    run("user", "app-password", "add", ANN, "--label", "phone", "--config", installed)
    out = run("user", "show", "Ann@example.test", "--config", installed).out

    assert out.startswith("ann@example.test\n")
    assert "never used" in out
    assert "last used 1970-01-12 13:46Z, ends 20" in out
    assert "phone: never used" in out
    assert max(map(len, out.splitlines())) <= 80


def test_for_programs() -> None:
    """Times of RFC 3339, and nothing that proves anything."""
    told = as_json_of(ACCOUNT, 90.0)

    assert told["passwords"] == [
        {
            "id": 1,
            "created": "1970-01-01T00:00:00.000Z",
            "last_used": "1970-01-01T00:00:10.000Z",
            "due": "1970-01-01T00:01:20.000Z",
            "expires": "1970-01-01T00:01:30.000Z",
            "expired": True,
        }
    ]
    assert "canary" not in str(told)


def test_notes_are_what_is_unusual() -> None:
    """None for an ordinary account."""
    plain = replace(ACCOUNT, app_passwords=())
    unusual = replace(
        ACCOUNT, disabled=True, must_change=True, second_factor=True, allow_from=("::1",), app_passwords=(APP, APP),
        passwords=ACCOUNT.passwords * 2,
    )  # fmt: skip

    assert list(notes(plain)) == []
    assert list(notes(ACCOUNT)) == ["1 app password"]
    assert list(notes(unusual)) == [
        "locked", "must change its password", "app passwords only", "two passwords", "from its networks only",
        "2 app passwords",
    ]  # fmt: skip


def test_nobody(run: Run, installed: Path) -> None:
    """An unknown name is a mistake."""
    assert run("user", "show", "zoe@example.test", "--config", installed).code == 2
