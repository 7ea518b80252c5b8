"""`mailward explain`."""

from __future__ import annotations

import io

import pytest

from tests.cli.conftest import Run

TENANT = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."


def test_a_known_reply(run: Run) -> None:
    """Who says so, why, what to do, and where it is told."""
    done = run("explain", TENANT)

    assert done.code == 0
    assert done.out.splitlines() == [
        "Microsoft 365: Logging in to SMTP is switched off for the whole organisation.",
        "→ An administrator must allow SMTP AUTH for this mailbox, or better: log in with OAuth2.microsoft(...).",
        "  https://aka.ms/smtp_auth_disabled",
    ]


def test_as_json_with_the_host(run: Run) -> None:
    """For programs; the host decides between providers."""
    done = run("explain", "535 5.7.8 no", "--host", "smtp.mail.me.com", "--json")

    assert done.json[0]["provider"] == "iCloud"
    assert set(done.json[0]) == {"provider", "cause", "fix", "link"}


def test_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is in a log."""
    monkeypatch.setattr("sys.stdin", io.StringIO("host said: 554 5.7.1 <a@b.example>: Relay access denied\n"))

    assert run("explain", "-").out.startswith("Postfix: The server delivers to its own domains only")


def test_no_reply_at_all(run: Run) -> None:
    """What to give instead."""
    done = run("explain", "hello")

    assert done.code == 2
    assert "no reply code in 'hello'" in done.err
    assert "give the reply as the server said it" in done.err
