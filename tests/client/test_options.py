"""What a client is told is checked before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.client.options import Limits, Timeout, client_options
from mailward.errors import InputError
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret


def test_a_number_is_the_total() -> None:
    """The other times keep their defaults."""
    assert Timeout.of(5) == Timeout(total=5)
    assert Timeout.of(None) == Timeout()
    assert Timeout.of(Timeout(connect=1)) == Timeout(connect=1)
    assert Timeout().total == 300


def test_no_total_is_allowed_by_name() -> None:
    """A client without a total deadline must be asked for."""
    assert Timeout(total=None).total is None


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5"])
@pytest.mark.parametrize("name", ["total", "connect", "greeting", "command", "data"])
def test_times_are_above_zero(name: str, seconds: Any) -> None:
    """A time that ends before it begins, or never, is a mistake."""
    with pytest.raises(InputError, match=name):
        Timeout(**{name: seconds})


@pytest.mark.parametrize("connections", [0, -1])
def test_limits(connections: int) -> None:
    """At least one connection."""
    with pytest.raises(InputError, match="connections"):
        Limits(connections=connections)


@pytest.mark.parametrize(
    ("url", "auth", "expected"),
    [
        ("h", None, None),
        ("h", ("ann", "pw"), Credentials("ann", Secret("pw"))),
        ("h", ("ann", Secret("pw")), Credentials("ann", Secret("pw"))),
        ("smtps://ann:pw@h", None, Credentials("ann", Secret("pw"))),
        ("smtps://ann@h", ("ann", "pw"), Credentials("ann", Secret("pw"))),
    ],
)
def test_credentials(url: str, auth: Any, expected: Credentials | None) -> None:
    """From the argument, or from the URL."""
    assert client_options(url, auth=auth).credentials == expected


@pytest.mark.parametrize(
    ("url", "auth"),
    [
        ("smtps://ann@h", None),
        ("smtps://ann:pw@h", ("ann", "pw")),
        ("smtps://ann@h", ("bob", "pw")),
        ("h", ("ann", "")),
        ("h", ("", "pw")),
        ("h", ("ann",)),
        ("h", ("ann", "pw", "x")),
        ("h", "ann:pw"),
        ("h", ("ann", b"pw")),
    ],
)
def test_credentials_that_are_refused(url: str, auth: Any) -> None:
    """Said twice, by halves or not at all."""
    with pytest.raises(InputError) as caught:
        client_options(url, auth=auth)

    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"local_address": "localhost"},
        {"local_address": "192.0.2.1:0"},
        {"ehlo_name": "x\r\nMAIL FROM:<e>"},
        {"ehlo_name": ""},
        {"ehlo_name": "a b"},
        {"ca": "/nonexistent/ca.pem"},
        {"timeout": 0},
    ],
)
def test_other_options_that_are_refused(options: dict[str, Any]) -> None:
    """E05 and its kind: nothing of it would ever reach a socket."""
    with pytest.raises(InputError):
        client_options("h", **options)


def test_options_show_no_secret() -> None:
    """Their repr may be logged."""
    assert "hunter2" not in repr(client_options("smtps://ann:hunter2@h"))
