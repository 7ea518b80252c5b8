"""How a message is to be treated: what may be said, and what is refused before anything is opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailward.client.how import NO_HOW, Dsn, How
from mailward.errors import InputError


def test_nothing_is_nothing() -> None:
    """Without wishes the common value is used, so that the common message costs no more."""
    assert How.of() is NO_HOW
    assert How.of(dsn=None, requiretls=False, hold=None) is NO_HOW


@pytest.mark.parametrize(
    ("arguments", "attribute", "value"),
    [
        ({"hold": timedelta(minutes=2)}, "holdfor", 120),
        ({"hold": 0.5}, "holdfor", 1),
        ({"hold": datetime(2026, 12, 24, tzinfo=UTC)}, "holduntil", datetime(2026, 12, 24, tzinfo=UTC)),
        ({"priority": -9}, "priority", -9),
        ({"idempotency_key": "order-42"}, "key", "order-42"),
        ({"dsn": "never"}, "dsn", Dsn(notify="never")),
        ({"dsn": ["success", "failure"]}, "dsn", Dsn(notify=["success", "failure"])),
    ],
)
def test_what_may_be_said(arguments: dict[str, Any], attribute: str, value: object) -> None:
    """Each argument, in each of its forms."""
    assert getattr(How.of(**arguments), attribute) == value


@pytest.mark.parametrize(
    "arguments",
    [
        {"hold": 0},
        {"hold": float("nan")},
        {"hold": "tomorrow"},
        {"hold": True},
        {"hold": datetime(2026, 12, 24)},  # noqa: DTZ001 - the point of it
        {"deliver_by": -1},
        {"priority": 10},
        {"idempotency_key": "a\r\nRCPT TO:<eve@example.test>"},
        {"idempotency_key": ""},
        {"dsn": "always"},
        {"dsn": "never,failure"},
        {"dsn": ""},
        {"dsn": 7},
    ],
    ids=str,
)
def test_what_is_refused(arguments: dict[str, Any]) -> None:
    """E05: values outside their bounds, and line breaks, before anything is opened."""
    with pytest.raises(InputError):
        How.of(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"ret": "everything"},
        {"envid": "a\r\nb"},
        {"envid": "e" * 101},
        {"recipients": {"bob@example.test\r\nDATA": "never"}},
        {"recipients": {"bob@example.test": "maybe"}},
        {"original": {"bob@example.test": "eve"}},
        {"original": {"bob@example.test": "eve@example.test\r\nDATA"}},
    ],
    ids=str,
)
def test_a_dsn_is_checked_when_it_is_made(arguments: dict[str, Any]) -> None:
    """E05: ENVID, ORCPT and NOTIFY with CRLF never get as far as a message."""
    with pytest.raises(InputError):
        Dsn(**arguments)


def test_an_unknown_argument_is_told() -> None:
    """A misspelt wish must not be a wish that nobody heard."""
    arguments: dict[str, Any] = {"requiretsl": True}
    with pytest.raises(TypeError, match="requiretsl"):
        How.of(**arguments)


def test_a_fresh_name_where_one_is_needed() -> None:
    """ENVID and the key are made unless they were given; the key only for a server that keeps keys."""
    assert NO_HOW.named("n", idempotent=False) is NO_HOW
    assert NO_HOW.named("n", idempotent=True).key == "n"
    assert How.of(idempotency_key="mine").named("n", idempotent=True).key == "mine"

    named = How.of(dsn="failure").named("n", idempotent=False)
    assert named.dsn is not None
    assert (named.dsn.envid, named.key) == ("n", None)
    assert How.of(dsn=Dsn(envid="mine")).named("n", idempotent=False) == How.of(dsn=Dsn(envid="mine"))
