"""`mailward guard backtest`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailward.cli.installation import opened
from mailward.events import Event, LoginSucceeded, encode
from mailward.store import events as store
from tests.cli.conftest import Run
from tests.store.sample import at, login_failed, message_accepted
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, IMPLICIT, PASSWORD
from tests.support.talk import Talk

HOME = "192.0.2.99"


def story() -> Iterator[Event]:
    """Ann logs in, fifty addresses guess at her account, and she logs in again: from home and from an hotel."""
    ann = LoginSucceeded(time=at(0), source=HOME, account=ANN, credential="password")
    yield ann
    yield message_accepted(1)
    for n in range(50):
        yield login_failed(10 + n, source=f"203.{n}.113.7")
    yield msgspec.structs.replace(ann, time=at(100))
    yield msgspec.structs.replace(ann, time=at(101), source="198.51.100.3")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in story()))
    return path


def test_of_a_file(run: Run, config_file: Path, file: Path) -> None:
    """Who would have been refused and by which rule; no state directory is needed for it."""
    told = run("guard", "backtest", "--events", file, "--json", "--config", config_file).json
    present = told["present"]

    assert told["tried"] is None
    assert (present["events"], present["guesses"], present["looked_at"]) == (53, 50, 10)
    assert present["worst"] == {"account": ANN, "guesses": 10}
    assert present["honest_refused"] == {"account-failures": 1}
    (turned,) = present["turned"]
    assert (turned["account"], turned["source"], turned["rule"]) == (ANN, "198.51.100.3", "account-failures")
    assert not (config_file.parent / "state").exists()


def test_of_the_database(run: Run, installed: Path, file: Path) -> None:
    """Without a file, what the server has recorded; the answer is the same."""
    with opened(installed) as place:
        place.write(lambda connection: store.append_all(connection, list(story())))
    from_file = run("guard", "backtest", "--events", file, "--json", "--config", installed).json

    assert run("guard", "backtest", "--json", "--config", installed).json == from_file


def test_with_other_settings(run: Run, config_file: Path, file: Path) -> None:
    """Both are told side by side, with what is changed."""
    command = ("guard", "backtest", "--events", file, "--config", config_file)
    change = "--set", "distinct_wrong_passwords_per_account=3"
    told = run(*command, *change, "--json").json
    out = run(*command, *change).out

    assert told["changes"] == {"distinct_wrong_passwords_per_account": [10, 3]}
    assert (told["present"]["looked_at"], told["tried"]["looked_at"]) == (10, 3)
    assert "distinct_wrong_passwords_per_account: 10 → 3" in out
    (line,) = [line for line in out.splitlines() if "of them looked at" in line]
    assert line.split()[-2:] == ["10", "3"]


def test_the_json_is_stable(run: Run, config_file: Path, file: Path) -> None:
    """Every key is there."""
    told = run("guard", "backtest", "--events", file, "--json", "--config", config_file).json

    assert set(told) == {"changes", "present", "tried", "bad_lines", "bad_lines_first", "notes"}
    assert set(told["present"]) == {
        "events", "first", "last", "guesses", "looked_at", "repeated", "refused", "honest", "honest_refused", "turned",
        "accounts", "sources", "worst", "bans", "spraying", "late", "without_source", "forgotten",
    }  # fmt: skip
    assert any("Passwords are not recorded" in note for note in told["notes"])


def test_bad_lines(run: Run, config_file: Path, file: Path) -> None:
    """They are told with file and line and skipped; --strict makes the first an error."""
    file.write_bytes(file.read_bytes() + b"rubbish\n")
    command = ("guard", "backtest", "--events", file, "--config", config_file)
    number = len(file.read_bytes().splitlines())

    assert f"{file}:{number}: not an event" in run(*command).out
    done = run(*command, "--strict")
    assert done.code == 2
    assert f"{file}:{number}: not an event" in done.err


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--set", "sourcefailures=3"), "did you mean source_failures"),
        (("--set", "source_failures"), "sets nothing"),
        (("--events", "nowhere.jsonl"), "nowhere.jsonl: No such file"),
    ],
)
def test_what_cannot_be_tried(run: Run, config_file: Path, arguments: tuple[str, ...], told: str) -> None:
    """It is exit code 2, and says what could be."""
    done = run("guard", "backtest", "--events", "/dev/null", *arguments, "--config", config_file)

    assert done.code == 2
    assert told in done.err


def test_hostile_names(run: Run, config_file: Path, tmp_path: Path) -> None:
    """No name of the record is a command to the terminal, and the columns stay."""
    file = tmp_path / "hostile.jsonl"
    events = [login_failed(n, account="\x1b]0;owned\x07" + "x" * 300) for n in range(20)]
    file.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    out = run("guard", "backtest", "--events", file, "--config", config_file).out

    assert "\x1b" not in out
    assert r"\x1b]0;owned" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_nothing_recorded(run: Run, config_file: Path) -> None:
    """An empty record has an empty report."""
    done = run("guard", "backtest", "--events", "/dev/null", "--config", config_file)

    assert done.code == 0
    assert done.out.startswith("0 logins\n")


def test_a_servers_own_record(run: Run, tmp_path: Path) -> None:
    """What a real server has refused, the backtest of its event file refuses too."""
    guard = {"delay_first": 0.0, "delay_most": 0.0}
    with EmbeddedServer(tmp_path, guard=guard) as server:
        for n in range(8):
            with Talk(server.ports[IMPLICIT], source="127.0.0.7", tls=server.trust) as talk:
                talk.ehlo()
                talk.plain(ANN, f"wrong {n}")
        with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
            talk.ehlo()
            assert talk.plain(ANN, PASSWORD).code == 235
    file = server.state / "events.jsonl"
    present = run("guard", "backtest", "--events", file, "--json", "--config", server.file).json["present"]

    assert present["refused"] == {"source-failures": len(server.events("login.refused"))} == {"source-failures": 3}
    assert (present["looked_at"], present["honest"], present["honest_refused"], present["bans"]) == (5, 1, {}, 1)
