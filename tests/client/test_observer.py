"""Who hears what a client does, and that no secret is among it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from mailward.client.observer import KINDS, Observer, SessionEvent, SessionObserver, hooks_of
from mailward.errors import InputError
from mailward.wire.command import Auth, Mail
from mailward.wire.parameters import NO_MAIL_PARAMETERS
from mailward.wire.reply import Reply

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def watched(**hooks: Any) -> tuple[SessionObserver, list[SessionEvent]]:
    heard: list[SessionEvent] = []
    observer = Observer(hooks_of({"*": heard.append, **hooks}), utc=lambda: NOON)
    return observer.session("1", "mx.example.test"), heard


def test_each_step_has_time_session_and_host() -> None:
    """What a hook is called with."""
    watch, heard = watched()
    watch.happened("secured", version="TLSv1.3")

    assert heard == [
        SessionEvent(kind="secured", time=NOON, session="1", host="mx.example.test", data={"version": "TLSv1.3"})
    ]


def test_a_login_is_told_without_its_words() -> None:
    """Neither the initial response nor what follows is told, and no challenge; the verdict is."""
    watch, heard = watched()
    watch.said(Auth("SCRAM-SHA-256", b"n,,n=ann,r=canary").redacted())
    watch.heard(Reply(334, "Y2FuYXJ5"))
    watch.said("…")
    watch.heard(Reply(334, "Y2FuYXJ5"))
    watch.said("…")
    watch.heard(Reply(235, "welcome", "2.7.0"))
    watch.said(Mail(None, NO_MAIL_PARAMETERS).redacted())
    watch.heard(Reply(354, "go on"))

    told = repr(heard)
    assert "canary" not in told
    assert "Y2FuYXJ5" not in told
    assert [event.data.get("text") or event.data["lines"] for event in heard] == [
        "AUTH SCRAM-SHA-256 …",
        ("…",),
        "…",
        ("…",),
        "…",
        ("welcome",),
        "MAIL FROM:<>",
        ("go on",),
    ]


def test_hostile_replies_are_escaped() -> None:
    """C08: what a server says cannot act on whoever reads the log."""
    watch, heard = watched()
    watch.heard(Reply(550, ("\x1b[2J\x1b]0;pwn\x07", "\u202e")))

    assert heard[0].data["lines"] == ("\\x1b[2J\\x1b]0;pwn\\x07", "\\u202e")


def test_a_hook_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The others hear all the same, and the log says which one failed."""

    def broken(_event: SessionEvent) -> None:
        raise RuntimeError("mine")

    watch, heard = watched(closed=[broken, broken])
    with caplog.at_level(logging.ERROR, "mailward.client"):
        watch.happened("closed")

    assert len(heard) == 1
    assert [record.getMessage() for record in caplog.records] == ["an event hook for closed failed"] * 2


def test_only_the_kinds_that_were_asked_for() -> None:
    """And whether anybody hears the dialogue is known without telling it."""
    sent: list[SessionEvent] = []
    observer = Observer(hooks_of({"sent": sent.append}), utc=lambda: NOON)
    watch = observer.session("1", "h")
    watch.happened("sent", outcome="accepted")
    watch.happened("failed")

    assert [event.kind for event in sent] == ["sent"]
    assert not watch.dialogue
    assert observer.hears("sent")


@pytest.mark.parametrize("hooks", [{"sended": print}, {"sent": "print"}, {"sent": [print, None]}])
def test_what_cannot_be_a_hook(hooks: dict[str, Any]) -> None:
    """A misspelt kind is told, with those there are."""
    with pytest.raises(InputError, match="event_hooks"):
        hooks_of(hooks)


def test_nothing_and_everything() -> None:
    """No hooks, or one for all."""
    assert hooks_of(None) == {}
    assert set(hooks_of({"*": print})) == set(KINDS)


def test_a_reply_that_repeats_the_secret_of_a_login_is_not_told() -> None:
    """A server that does not know AUTH repeats it, password and all; what comes after the login is told again."""
    watch, heard = watched()
    watch.repeats = lambda text: "canary" in text
    watch.said("AUTH PLAIN …")
    watch.heard(Reply(500, "unknown command: AUTH PLAIN canary", "5.5.1"))
    watch.repeats = None
    watch.heard(Reply(250, "a canary is a bird"))

    assert [event.data.get("lines") for event in heard] == [None, ("…",), ("a canary is a bird",)]
