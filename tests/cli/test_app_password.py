"""`mailward user app-password`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import ANN, Run


def test_made_listed_revoked(run: Run, installed: Path) -> None:
    """Shown once when it is made; then its label, its end and its last use only."""
    made = run("user", "app-password", "add", ANN, "--label", "phone", "--config", installed)
    password = made.out.split("password: ")[1].split()[0]
    listed = run("user", "app-password", "list", ANN, "--config", installed)
    whole = run("user", "app-password", "list", ANN, "--config", installed, "--json")
    gone = run("user", "app-password", "revoke", ANN, "phone", "--config", installed)

    assert password.startswith("mw-")
    assert "phone" in listed.out
    assert "never" in listed.out
    assert max(map(len, listed.out.splitlines())) <= 80
    assert password[-24:] not in listed.out + whole.out + gone.out
    assert gone.code == 0
    assert run("user", "app-password", "list", ANN, "--config", installed, "--json").json == []


def test_with_everything(run: Run, installed: Path) -> None:
    """Scopes, networks and an end, as JSON."""
    made = run(
        "user", "app-password", "add", ANN, "--label", "scanner", "--scope", "smtp", "--scope", "imap", "--allow-from",
        "192.0.2.0/24", "--expires-in", "30", "--config", installed, "--json",
    ).json  # fmt: skip
    [listed] = run("user", "app-password", "list", ANN, "--config", installed, "--json").json

    assert made.pop("password").startswith(f"mw-{made['selector']}-")
    assert made == listed
    assert (listed["scopes"], listed["allow_from"]) == (["imap", "smtp"], ["192.0.2.0/24"])
    assert listed["expires"] > listed["created"]
    assert run("user", "app-password", "revoke", ANN, str(listed["id"]), "--config", installed, "--json").json == {
        "id": listed["id"], "label": "scanner", "revoked": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments,says",
    [
        (("add", "zoe", "--label", "a"), "no account"),
        (("add", ANN, "--label", "\x1b[31m"), "label"),
        (("add", ANN, "--label", "a", "--scope", "all"), "no scope"),
        (("add", ANN, "--label", "a", "--allow-from", "x"), "'x'"),
        (("add", ANN, "--label", "a", "--expires-in", "0"), "0"),
        (("add", ANN), "--label"),
        (("revoke", ANN, "tablet"), "it has none"),
    ],
)
def test_mistakes(run: Run, installed: Path, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, what is wrong, no escape sequence, and nothing made."""
    done = run("user", "app-password", *arguments, "--config", installed)

    assert done.code == 2
    assert says in done.err
    assert "\x1b" not in done.err
    assert run("user", "app-password", "list", ANN, "--config", installed, "--json").json == []
