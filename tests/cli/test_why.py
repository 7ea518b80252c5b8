"""`mailward why`, of logins that a real server has judged."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.cli.installation import opened
from mailward.cli.why import _WITHIN
from mailward.store import events
from tests.cli.conftest import Run
from tests.store.sample import login_failed
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, Installation
from tests.support.talk import Talk

ATTACKER, HOME, NEIGHBOUR = "127.0.0.7", "127.0.0.8", "127.0.1.9"


def login(server: EmbeddedServer, source: str, password: str, account: str = ANN) -> int:
    with Talk(server.ports[IMPLICIT], source=source, tls=server.trust) as talk:
        talk.ehlo()
        return talk.plain(account, password).code


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One address has guessed until it was refused, one has logged in; a third account is not touched."""
    guard = {"delay_first": 0.0, "delay_most": 0.0}
    accounts = {ANN: PASSWORD, BOB: PASSWORD}
    with EmbeddedServer(tmp_path_factory.mktemp("why"), guard=guard, accounts=accounts) as running:
        assert [login(running, ATTACKER, f"wrong {n}") for n in range(6)] == [535] * 5 + [454]
        assert login(running, HOME, PASSWORD) == 235
        yield running


@pytest.fixture
def why(run: Run, server: EmbeddedServer) -> Any:
    def asked(*arguments: str) -> Any:
        done = run("why", *arguments, "--json", "--config", server.file)
        assert done.code == 0, done.err
        return done.json

    return asked


def test_an_attacker(why: Any, server: EmbeddedServer) -> None:
    """Which rule, since when, until when, the command that lifts it, and every event with its sentence."""
    told = why(ATTACKER)
    decision = told["decisions"][0]
    (ban,) = told["bans"]

    assert (decision["looked_at"], decision["rule"]) == (False, "source-failures")
    assert (decision["since"], decision["until"]) != (None, None)
    assert ban["added"] == decision["since"]
    assert decision["lift"] == f"mailward bans remove {ATTACKER} --config {shlex.quote(str(server.file))}"
    assert decision["strong_credentials"] is True
    types = ["login.failed"] * 5 + ["ban.added", "login.refused"]
    assert [event["type"] for event in told["events"]] == types
    assert told["events"][0]["sentence"].startswith("The password was wrong.")
    assert {rule["rule"] for rule in told["rules"]} >= {"source-failures", "ring:127.0.0.0/26", "ring:127.0.0.0/21"}


def test_a_known_address(why: Any) -> None:
    """It is looked at, and is among those that the account knows."""
    told = why(HOME, ANN)

    assert all(decision["looked_at"] for decision in told["decisions"])
    assert [each["subject"] for each in told["known"]] == [f"ip:{HOME}"]
    assert [event["type"] for event in told["events"]] == ["login.succeeded"]
    assert why(HOME)["known"][0]["subject"] == ANN


def test_an_account(why: Any) -> None:
    """Its budget, the addresses it knows, and what it has to log in with; no secret."""
    told = why(ANN)
    (budget,) = told["rules"]

    assert (budget["rule"], budget["used"], budget["budget"]) == ("account-failures", 5, 10)
    assert told["account_facts"]["passwords"][0]["last_used"] is not None
    assert told["decisions"][0]["looked_at"]
    assert "verifier" not in str(told)


def test_a_session(run: Run, server: EmbeddedServer) -> None:
    """What happened in it, one event after the other, and why."""
    session = server.events("login.refused")[0]["session"]
    told = run("why", session, "--json", "--config", server.file).json
    (event,) = told["events"]

    assert (told["kind"], told["session"], told["older_events_not_searched"]) == ("session", session, False)
    assert event["reason"] == "banned"
    assert "takes no guesses" in event["sentence"]
    assert "takes no guesses" in run("why", session.upper(), "--config", server.file).out


def test_the_json_is_stable(why: Any) -> None:
    """Every key is there, whomever it is about."""
    keys = {
        "kind", "source", "account", "time", "decisions", "obstacles", "rules", "never_banned", "spraying",
        "no_counters", "list_faults", "known", "bans", "account_facts", "events",
    }  # fmt: skip
    decision = {
        "listener", "looked_at", "allowed", "list", "entry", "rule", "sentence", "since", "until",
        "strong_credentials", "lift", "advice",
    }  # fmt: skip
    rule = {"subject", "rule", "used", "held", "budget", "until", "times", "known"}
    for arguments in ((ATTACKER,), (HOME, ANN), (ANN,), ("zoe@example.test",), ("2001:db8::1",)):
        told = why(*arguments)
        assert set(told) == keys
        assert all(set(each) == decision for each in told["decisions"])
        assert all(set(each) == rule for each in told["rules"])


def test_it_changes_nothing(why: Any, server: EmbeddedServer) -> None:
    """However often one asks, the counters and the book of bans are the same."""
    before = (server.state / "guard.state").read_bytes(), why(ATTACKER)["bans"]
    for _ in range(3):
        why(ATTACKER, ANN)
        why(NEIGHBOUR, BOB)

    assert ((server.state / "guard.state").read_bytes(), why(ATTACKER)["bans"]) == before


@pytest.mark.parametrize("arguments", [(ATTACKER,), (ATTACKER, ANN), (HOME, ANN), (ANN,), (BOB,), ("zoe@x.test",)])
def test_for_people(run: Run, server: EmbeddedServer, arguments: tuple[str, ...]) -> None:
    """It fits into 80 columns, but for what is to be typed."""
    done = run("why", *arguments, "--config", server.file)

    assert done.code == 0
    assert "The password of a login now would" in done.out
    assert "The last events" in done.out
    assert max(len(line) for line in done.out.splitlines() if "→ mailward" not in line) <= 80


def test_a_lifted_ban_is_none(run: Run, server: EmbeddedServer, why: Any) -> None:
    """What it says lifts it does, before the server has heard of it; and then a login is looked at."""
    source = "127.0.64.7"
    assert [login(server, source, f"wrong {n}", BOB) for n in range(6)] == [535] * 5 + [454]
    command = shlex.split(why(source, BOB)["decisions"][0]["lift"])

    assert run(*command[1:]).code == 0
    assert all(decision["looked_at"] for decision in why(source, BOB)["decisions"])
    assert [event["type"] for event in why(source)["events"]][-1] == "ban.removed"
    assert login(server, source, PASSWORD, BOB) == 235


def test_an_operators_ban_holds_against_everybody(run: Run, server: EmbeddedServer, why: Any) -> None:
    """At the next login, of a known address and with the right password; lifted, it is looked at again."""
    source = "127.0.64.8"
    assert login(server, source, PASSWORD, BOB) == 235
    assert run("bans", "add", source, "--for", "1h", "--config", server.file).code == 0
    assert login(server, source, PASSWORD, BOB) == 454
    assert why(source, BOB)["decisions"][0]["rule"] == "operator"
    assert run("bans", "remove", source, "--config", server.file).code == 0
    assert login(server, source, PASSWORD, BOB) == 235


def test_an_account_that_takes_no_guesses(run: Run, tmp_path: Path) -> None:
    """Who is held up and who is not, until when, and what lifts it, before the server has heard of it."""
    guard = {"delay_first": 0.0, "delay_most": 0.0, "distinct_wrong_passwords_per_account": 2}
    with EmbeddedServer(tmp_path, guard=guard) as server:
        assert login(server, HOME, PASSWORD) == 235
        assert [login(server, ATTACKER, f"wrong {n}") for n in range(3)] == [535, 535, 454]
        decision = run("why", ANN, "--json", "--config", server.file).json["decisions"][0]
        known = run("why", HOME, ANN, "--json", "--config", server.file).json["decisions"][0]
        stranger = run("why", NEIGHBOUR, ANN, "--json", "--config", server.file).json["decisions"][0]
        assert run(*shlex.split(decision["lift"])[1:]).code == 0
        lifted = run("why", ANN, "--json", "--config", server.file).json["decisions"][0]

    assert (decision["looked_at"], decision["rule"]) == (False, "account-failures")
    assert (known["looked_at"], stranger["looked_at"], lifted["looked_at"]) == (True, False, True)
    assert decision["since"] < decision["until"]


def test_without_a_server(run: Run, tmp_path: Path) -> None:
    """Where none has run, it says that nothing was counted, and makes no file."""
    place = Installation(tmp_path)
    told = run("why", "192.0.2.7", "--json", "--config", place.file).json

    assert "is not there" in told["no_counters"]
    assert told["decisions"][0]["looked_at"]
    assert not (place.state / "guard.state").exists()
    assert "Nothing can be told" in run("why", ANN, "--config", place.file).out


def test_after_the_server(run: Run, tmp_path: Path) -> None:
    """What it had counted is told when it has stopped, too."""
    with EmbeddedServer(tmp_path, guard={"delay_first": 0.0, "delay_most": 0.0}) as server:
        login(server, ATTACKER, "wrong")
    told = run("why", ANN, "--json", "--config", server.file).json

    assert told["rules"][0]["used"] == 1


def test_hostile_names_are_escaped(run: Run, tmp_path: Path) -> None:
    """Whatever a client has sent as a name, no terminal takes it for a command, and the columns stay."""
    place = Installation(tmp_path)
    hostile = "\x1b]0;owned\x07\u202e" + "x" * 500
    with opened(place.file) as installation:
        installation.write(lambda connection: events.append(connection, login_failed(account=hostile)))
    out = run("why", "192.0.2.7", "--config", place.file).out

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b]0;owned" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in run("why", "192.0.2.7", "--json", "--config", place.file).out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("0123456789ab",), "nothing is told of the session 0123456789ab"),
        ((ANN, ANN), "ACCOUNT goes with an address"),
        (("192.0.2.0/24",), "is a network"),
        (("192.0.2.7", "192.0.2.8 x"), "space"),
        (("a b",), "space"),
    ],
)
def test_what_cannot_be_asked(run: Run, installed: Path, arguments: tuple[str, ...], told: str) -> None:
    """It is exit code 2 and says what can be."""
    done = run("why", *arguments, "--config", installed)

    assert done.code == 2
    assert told in done.err


def test_the_bound_of_a_search_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is not among the newest events may be among the older ones."""
    assert _WITHIN >= 100_000
    monkeypatch.setattr("mailward.cli.why._WITHIN", 3)
    place = Installation(tmp_path)
    with opened(place.file) as installation:
        installation.write(lambda connection: events.append_all(connection, [login_failed(n) for n in range(9)]))

    assert "the last 3 events; there are older ones" in run("why", "0123456789ab", "--config", place.file).err
