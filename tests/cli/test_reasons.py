"""What reasons and events mean in plain words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailward.cli.reasons import SENTENCES, in_words, rule_in_words
from mailward.events import (
    BanAdded,
    BanRemoved,
    Event,
    GuardMode,
    LoginFailed,
    LoginRefused,
    LoginSucceeded,
    MessageAccepted,
    MessageBounced,
    MessageDeferred,
    MessageDelivered,
    PasswordExpiring,
    PasswordRetired,
    Reason,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_sentence(reason: Reason) -> None:
    """One each, none the same as another's."""
    sentence = SENTENCES[reason]

    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert list(SENTENCES.values()).count(sentence) == 1
    assert in_words(LoginFailed(time=NOW, reason=reason)) == sentence
    assert in_words(LoginRefused(time=NOW, reason=reason)) == sentence


@pytest.mark.parametrize(
    "event, words",
    [
        (LoginSucceeded(time=NOW, credential="app-password:phone"), "Logged in with app-password:phone."),
        (LoginSucceeded(time=NOW), "Logged in."),
        (
            LoginFailed(time=NOW, reason="bad-password", repeated=True, delay=0.5),
            "The password was wrong. The same password as before, not counted. The reply was held back for 0.5 s.",
        ),
        (LoginFailed(time=NOW, reason="invented"), "Reason: invented."),
        (
            BanAdded(time=NOW, subject="ip:192.0.2.7", until=0.0, reason="source-failures"),
            "ip:192.0.2.7 is refused from now on: too many wrong passwords from this address.",
        ),
        (
            BanRemoved(time=NOW, subject="ip:192.0.2.7", reason="operator"),
            "ip:192.0.2.7 may try again: by the operator.",
        ),
        (GuardMode(time=NOW, mode="spraying", on=True), "The guard's mode spraying begins."),
        (PasswordExpiring(time=NOW, until=0.0, days=3), "The password ends in 3 days."),
        (PasswordRetired(time=NOW), "The older of its two passwords is taken no more."),
        (MessageAccepted(time=NOW, message="01X"), "Message 01X was accepted."),
        (MessageDelivered(time=NOW, message="01X"), "Message 01X was delivered."),
        (MessageDeferred(time=NOW, message="01X"), "Message 01X is tried again later."),
        (MessageBounced(time=NOW, message="01X"), "Message 01X was given up."),
    ],
)
def test_events(event: Event, words: str) -> None:
    """Each type in its own words."""
    assert in_words(event) == words


def test_when_a_refusal_ends() -> None:
    """The event says it, so do we."""
    told = in_words(LoginRefused(time=NOW, reason="locked", until=1_000_000.0))

    assert told.endswith("That ends 1970-01-12 13:46:40Z.")


@pytest.mark.parametrize(
    "rule", ["source-failures", "account-failures", "ring:192.0.2.0/26", "spraying", "operator", ""]
)
def test_rules(rule: str) -> None:
    """Every rule of the guard, and the moment when all guesses are being checked."""
    assert len(rule_in_words(rule)) > 20
    assert rule.removeprefix("ring:") in rule_in_words(rule) or ":" not in rule
