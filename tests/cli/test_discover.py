"""`mailward discover`."""

from __future__ import annotations

import pytest

from mailward.client import discover as module
from mailward.client.check import CheckReport
from mailward.client.discover import Found
from mailward.client.tls_mode import TlsMode
from mailward.errors import ConnectError
from tests.cli.conftest import Run

WORKS = Found(
    host="smtp.example.test",
    port=465,
    mode=TlsMode.IMPLICIT,
    user="ann@example.test",
    source="srv",
    ours=True,
    report=CheckReport(host="smtp.example.test", port=465, steps=(), mechanisms=("PLAIN",)),
)
OTHERS = Found(
    host="smtp.provider.test",
    port=2587,
    mode=TlsMode.STARTTLS,
    user="ann@example.test",
    source="provider",
    ours=False,
    report=CheckReport(host="smtp.provider.test", port=2587, steps=()),
)
BROKEN = Found(
    host="mail.example.test",
    port=587,
    mode=TlsMode.STARTTLS,
    user="ann@example.test",
    source="guess",
    ours=True,
    report=CheckReport(host="mail.example.test", port=587, steps=(), error=ConnectError("nobody there")),
)


def answers(monkeypatch: pytest.MonkeyPatch, *found: Found) -> None:
    """What tests/client/test_discover.py finds with servers, told here without."""

    async def discover(*_: object, **__: object) -> tuple[Found, ...]:
        return found

    monkeypatch.setattr(module, "discover", discover)


def test_what_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URLs to use, where each is from, and a warning of another domain's."""
    answers(monkeypatch, WORKS, OTHERS, BROKEN)
    done = run("discover", "ann@example.test")

    assert done.code == 0
    assert done.out.splitlines() == [
        "smtps://ann%40example.test@smtp.example.test",
        "  from the domain's SRV record; logins: PLAIN",
        "smtp://ann%40example.test@smtp.provider.test:2587",
        "  from whoever takes the domain's mail; logins: none",
        "  ! of another domain, without DNSSEC: use it only if you know it",
    ]


def test_nothing_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, what was tried, and why not."""
    answers(monkeypatch, BROKEN)
    done = run("discover", "ann@example.test")

    assert done.code == 1
    assert "mail.example.test port 587: nobody there" in done.out
    found = run("discover", "ann@example.test", "--json").json
    assert (found[0]["works"], found[0]["error"]) == (False, "nobody there")


def test_no_address(run: Run) -> None:
    """Exit code 2, before anybody is asked."""
    assert run("discover", "ann").code == 2
    assert run("discover", "ann@[127.0.0.1]").code == 2
    assert run("discover", "ann@example.test", "--timeout", "-1").code == 2
