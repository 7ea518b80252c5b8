"""What an account source may answer."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.accounts.sources.source import MOST_LISTED, OutOfOrder, SourceAnswer, answer, truth, words
from mailward.errors import AuthUnavailable
from tests.support.account_sources import question


def test_an_answer_is_put_into_one_spelling() -> None:
    """The account, its senders and its networks are in the form that the rest compares with."""
    said = answer("s", "Ann@Example.TEST", right=True, senders=["Sales@example.test"], allow_from=["192.0.2.7/24"])

    assert said == SourceAnswer(
        "ann@example.test",
        right=True,
        senders=("ann@example.test", "sales@example.test"),
        allow_from=("192.0.2.0/24",),
        disabled=False,
    )


@pytest.mark.parametrize(
    "given",
    [
        {"account": "two words", "right": True},
        {"account": "ann", "right": True, "senders": ["not a mailbox"]},
        {"account": "ann", "right": True, "senders": ["a@b.test\r\nRCPT TO:<x@y.test>"]},
        {"account": "ann", "right": True, "senders": ["a@b.test"] * (MOST_LISTED + 1)},
        {"account": "ann", "right": True, "senders": ["a" * 400]},
        {"account": "ann", "right": True, "allow_from": ["everywhere"]},
        {"account": "ann", "right": True, "allow_from": [""]},
    ],
)
def test_what_cannot_be_meant_is_no_answer(given: dict[str, Any]) -> None:
    """A list that cannot be read is never an empty one: the login is put off, and the source is not to blame."""
    with pytest.raises(AuthUnavailable) as refused:
        answer("s", **given)

    assert not isinstance(refused.value, OutOfOrder)
    assert not refused.value.retryable


@pytest.mark.parametrize(("text", "means"), [("yes", True), ("TRUE", True), ("1", True), ("", False), ("No", False)])
def test_truth(text: str, means: bool) -> None:
    """Yes and no in the spellings that directories and databases use."""
    assert truth("s", text) is means


def test_an_unclear_lock_is_no_answer() -> None:
    """A `disabled` that is neither yes nor no lets nobody in."""
    with pytest.raises(AuthUnavailable, match="neither yes nor no"):
        truth("s", "until Monday")


def test_words() -> None:
    """A list is separated by commas or spaces."""
    assert words(" a@b.test,c@d.test  e@f.test ") == ["a@b.test", "c@d.test", "e@f.test"]


def test_a_question_shows_no_password() -> None:
    """Neither its text nor its fields tell the password; the name comes in parts."""
    asked = question("ann@example.test", "hush")

    assert "hush" not in repr(asked)
    assert (asked.local_part, asked.domain) == ("ann", "example.test")
    assert (question("ann").local_part, question("ann").domain) == ("ann", "")
