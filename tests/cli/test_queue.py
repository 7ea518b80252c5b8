"""`mailward queue`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mailward.cli.installation import opened
from mailward.store import messages
from tests.cli.conftest import Run
from tests.cli.test_mail import store


def test_listed(run: Run, config_file: Path) -> None:
    """What waits, with attempts, the next one and the last reply; not what the sandbox keeps."""
    store(config_file, 1, hold=True)
    waiting = store(config_file, 2, hold=False)
    attempt = partial(
        messages.record_attempt,
        id=waiting,
        results={"bob@example.test": ("deferred", "451 4.3.0 later")},
        next_attempt=1_700_000_900.0,
        now=1_700_000_600.0,
    )
    with opened(config_file) as place:
        place.write(attempt)

    (mail,) = run("queue", "list", "--json", "--config", config_file).json

    assert mail["id"] == waiting
    assert (mail["state"], mail["attempts"], mail["last_reply"]) == ("queued", 1, "451 4.3.0 later")
    assert mail["next_attempt"] == "2023-11-14T22:28:20.000Z"
    assert mail["recipients"] == [{"address": "bob@example.test", "state": "deferred", "reply": "451 4.3.0 later"}]
    shown = run("queue", "list", "--config", config_file).out
    assert waiting in shown
    assert "451 4.3.0" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_bounced(run: Run, config_file: Path) -> None:
    """A message that bounced is kept and listed, with those it did not reach."""
    bounced = store(config_file, 1, hold=False, to=("bob@example.test", "cid@example.test"))
    attempt = partial(
        messages.record_attempt,
        id=bounced,
        results={"bob@example.test": ("delivered", "250 ok"), "cid@example.test": ("bounced", "550 5.1.1 no")},
        next_attempt=None,
        now=1_700_000_600.0,
    )
    with opened(config_file) as place:
        place.write(attempt)

    (mail,) = run("queue", "list", "--json", "--config", config_file).json
    assert (mail["id"], mail["state"]) == (bounced, "bounced")
    _, line = run("queue", "list", "--config", config_file).out.splitlines()
    assert line.split()[:2] == [bounced, "bounced"]
    assert "cid@example.test" in line
    assert "bob@" not in line


def test_empty(run: Run, installed: Path) -> None:
    """An empty queue is an empty array, or a sentence."""
    assert run("queue", "list", "--json", "--config", installed).json == []
    assert run("queue", "list", "--config", installed).out == "the queue is empty\n"
