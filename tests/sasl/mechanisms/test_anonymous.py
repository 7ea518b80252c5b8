from __future__ import annotations

import pytest

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import Credentials, finish, respond
from mailward.sasl.mechanisms.anonymous import MECHANISM
from tests.sasl.dialogue import start_client


def nobody(trace: str) -> Credentials:
    return Credentials(trace, kind="anonymous")


@pytest.mark.parametrize("trace", ["", "sirhc", "ann@example.test", "jörg", "two words", "x" * 255])
def test_what_is_left_behind(trace: str) -> None:
    """RFC 4505 §2: nothing, a word, or a mailbox."""
    client = start_client(MECHANISM, nobody(trace))

    assert next(client) == trace.encode()
    finish(client)


@pytest.mark.parametrize(
    "trace", ["a\0b", "a\r\nb", "a\x01", "a\x7f", "us\u202eer", "\ue000", "@", "a@", "@b", "a@b@c", "a b@c", "x" * 256]
)
def test_what_cannot_be_left_behind(trace: str) -> None:
    """E05: the caller's error, before the first octet is sent."""
    with pytest.raises(InputError):
        next(start_client(MECHANISM, nobody(trace)))


def test_it_is_said_once() -> None:
    """C15: a challenge is not answered."""
    client = start_client(MECHANISM, nobody("ann"))
    next(client)

    with pytest.raises(SaslError):
        respond(client, b"")
