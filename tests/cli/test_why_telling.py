"""How findings are told."""

from __future__ import annotations

import pytest

from mailward.cli import why_telling
from mailward.cli.subjects import read
from mailward.cli.why_findings import Decision, Findings, Obstacle
from mailward.guard.access import Ruling
from mailward.guard.standing import Standing
from mailward.store.bans import Ban

ADDRESS = "2001:db8:1234:5678:9abc:def0:1234:5678"
RING = "ip:2001:db8:1234:5678::/64"
NOW = 1_800_000_000.0
HOSTILE = "\x1b[2Jann"


def findings(*decisions: Decision) -> Findings:
    """As long as everything can be."""
    rules = (
        Standing(subject=RING, rule="source-failures", used=5, held=2, budget=25, until=NOW, times=255, known=False),
        Standing(subject="2001:db8::/32", rule="ring:2001:db8::/32", used=45, held=0, budget=45),
    )
    return Findings(
        subject=read(ADDRESS),
        decisions=decisions,
        obstacles=(Obstacle("Something is in the way.", "mailward user unlock x"),),
        rules=rules,
        known=((HOSTILE + "x" * 300, NOW),),
        bans=(Ban(RING, "source-failures", NOW, NOW),),
        account=None,
        spared=True,
        spraying=True,
        no_counters="",
        faults=("allowlist.networks: office.cidr is not there",),
        events=(),
    )


def decision(listener: str, *, looked_at: bool = False) -> Decision:
    ruling = Ruling(allowed=True, list="allowlist.networks", entry="::/0")
    if looked_at:
        return Decision(listener=listener, ruling=ruling, looked_at=True)
    return Decision(
        listener=listener,
        ruling=ruling,
        looked_at=False,
        rule="ring:2001:db8::/32",
        sentence="the network 2001:db8::/32 around it has used up its wrong passwords",
        since=NOW,
        until=NOW + 60,
        advice="it ends by itself",
        strong=True,
    )


def test_all_of_it_fits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, whatever there is to tell; what others have said cannot move a cursor."""
    monkeypatch.setenv("COLUMNS", "80")
    why_telling.say(findings(decision("[::1]:465"), decision("[::1]:587", looked_at=True)), NOW)
    out = capsys.readouterr().out

    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    assert r"\x1b[2Jann" in out
    assert "At [::1]:465 the password" in out
    assert "At [::1]:587 the password" in out
    for told in ("never banned", "spraying mode is on", "office.cidr", "→ it ends by itself", "still taken", RING[:14]):
        assert told in out


def test_the_same_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Where every listener says the same."""
    why_telling.say(findings(decision("[::1]:465"), decision("[::1]:587")), NOW)

    assert capsys.readouterr().out.count("would not be looked at") == 1


def test_for_programs() -> None:
    """Times of RFC 3339, null where there is nothing."""
    told = why_telling.as_json(findings(decision("[::1]:465")), NOW)

    assert told["time"] == "2027-01-15T08:00:00.000Z"
    assert told["account"] is None
    assert told["decisions"] == [
        {
            "listener": "[::1]:465",
            "looked_at": False,
            "allowed": True,
            "list": "allowlist.networks",
            "entry": "::/0",
            "rule": "ring:2001:db8::/32",
            "sentence": "the network 2001:db8::/32 around it has used up its wrong passwords",
            "since": "2027-01-15T08:00:00.000Z",
            "until": "2027-01-15T08:01:00.000Z",
            "strong_credentials": True,
            "lift": None,
            "advice": "it ends by itself",
        }
    ]


def test_events(capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, or that there are none."""
    why_telling.say_events([], "The last events")

    assert capsys.readouterr().out.splitlines()[1:] == ["The last events", "  none"]
