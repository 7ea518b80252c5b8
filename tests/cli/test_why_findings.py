"""What is found to decide."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support.installation import ANN, Installation, Section

OFFICE = "198.51.100.7"


@pytest.fixture
def ask(run: Run, tmp_path: Path) -> Any:
    """The findings in a place that is set up by commands."""

    def asked(*arguments: str, before: tuple[tuple[str, ...], ...] = (), allowlist: Section | None = None) -> Any:
        name = secrets.token_hex(4)
        place = Installation(tmp_path / name, allowlist=allowlist or {})
        for command in before:
            assert run(*command, "--config", place.file).code == 0
        done = run("why", *arguments, "--json", "--config", place.file)
        assert done.code == 0, done.err
        return done.json

    return asked


@pytest.mark.parametrize(
    "command, sentence, lift",
    [
        (("user", "lock", ANN), "The operator has locked the account.", f"mailward user unlock {ANN}"),
        (("user", "set", ANN, "--expire-password"), "not taken until it is changed", f"mailward user passwd {ANN}"),
        (
            ("user", "set", ANN, "--second-factor"),
            "only its app passwords",
            f"mailward user app-password add {ANN} --label NAME",
        ),
        (
            ("user", "set", ANN, "--allow-from", "192.0.2.0/24"),
            "own allow_from",
            f"mailward user set {ANN} --allow-from 192.0.2.0/24 --allow-from {OFFICE}",
        ),
    ],
)
def test_what_is_in_the_way_of_an_account(
    ask: Any, run: Run, command: tuple[str, ...], sentence: str, lift: str
) -> None:
    """Each with the command that takes it away, which does."""
    (obstacle,) = ask(OFFICE, ANN, before=(command,))["obstacles"]

    assert sentence in obstacle["sentence"]
    assert obstacle["lift"].startswith(f"{lift} --config ")
    if "passwd" not in lift and "app-password" not in lift:
        typed = obstacle["lift"].split()[1:]
        assert run(*typed).code == 0
        assert run("why", OFFICE, ANN, "--json", *typed[-2:]).json["obstacles"] == []


def test_an_account_with_networks_of_its_own(ask: Any) -> None:
    """From elsewhere no password is looked at; from within, it is."""
    network = ("user", "set", ANN, "--allow-from", "192.0.2.0/24")

    outside = ask(OFFICE, ANN, before=(network,))["decisions"][0]
    inside = ask("192.0.2.7", ANN, before=(network,))

    assert (outside["looked_at"], outside["rule"], outside["allowed"]) == (False, "allow_from", True)
    assert (inside["decisions"][0]["looked_at"], inside["obstacles"]) == (True, [])


def test_what_the_configuration_decides(run: Run, tmp_path: Path) -> None:
    """No command lifts that."""
    place = Installation(tmp_path)
    place.file.write_text(place.file.read_text() + f'[account."{ANN}"]\ndisabled = true\n')
    (obstacle,) = run("why", ANN, "--json", "--config", place.file).json["obstacles"]

    assert obstacle == {"sentence": "The operator has locked the account. mailward.toml says so.", "lift": None}


def test_nobody(ask: Any) -> None:
    """An account that is not there is told as such, for the operator alone."""
    told = ask("zoe@example.test")

    assert told["account_facts"] is None
    assert "no such account" in told["obstacles"][0]["sentence"]


def test_lists_decide_first(ask: Any) -> None:
    """Which list, which entry, and where to change it; no ban is blamed for it."""
    told = ask(OFFICE, allowlist={"networks": ["0.0.0.0/0"], "blocked": ["198.51.100.0/24"]})
    decision = told["decisions"][0]

    assert (decision["looked_at"], decision["allowed"], decision["rule"]) == (False, False, "lists")
    assert (decision["list"], decision["entry"]) == ("allowlist.blocked", "198.51.100.0/24")
    assert decision["advice"] == "change allowlist.blocked in mailward.toml"
    assert decision["lift"] is None


def test_each_listener_has_its_word(run: Run, tmp_path: Path) -> None:
    """Where they differ, people are told of each."""
    place = Installation(tmp_path)
    text = place.file.read_text().replace("127.0.0.1:0", "127.0.0.1:5465", 1)
    place.file.write_text(text.replace('tls = "starttls"', f'tls = "starttls"\nblock = ["{OFFICE}"]'))
    decisions = run("why", OFFICE, "--json", "--config", place.file).json["decisions"]
    out = run("why", OFFICE, "--config", place.file).out

    assert [each["allowed"] for each in decisions] == [True, False]
    assert "At 127.0.0.1:5465 the password" in out


@pytest.mark.parametrize("subject, typed", [(OFFICE, OFFICE), ("2001:db8::1", "2001:db8::"), (ANN, ANN)])
def test_an_operators_ban(ask: Any, subject: str, typed: str) -> None:
    """It is told as such, holds for every credential, and has its command."""
    told = ask(subject, before=(("bans", "add", subject, "--reason", "on leave"),))
    decision = told["decisions"][0]

    assert (decision["rule"], decision["strong_credentials"]) == ("operator", False)
    assert decision["lift"].startswith(f"mailward bans remove {typed} --config ")
    assert told["bans"][0]["reason"] == "on leave"
    assert {rule["rule"] for rule in told["rules"] if rule["until"] is not None} <= {"operator"}
    assert [event["type"] for event in told["events"]] == ["ban.added"]


def test_a_proxy_is_spared(ask: Any) -> None:
    """Who is never banned is told so."""
    assert ask(OFFICE, allowlist={"never_ban": [OFFICE]})["never_banned"]
    assert not ask(OFFICE, allowlist={"never_ban": []})["never_banned"]
