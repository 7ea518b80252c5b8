from __future__ import annotations

import traceback

import pytest

from mailward.errors import SaslError
from mailward.sasl import bearer_message as message
from mailward.sasl.mechanism import BearerClaim, Challenge
from mailward.secret import Secret

CLAIM = BearerClaim("ann", "", Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="), b"{}")


def right(_: bytes) -> BearerClaim:
    return CLAIM


def wrong(data: bytes) -> BearerClaim:
    raise message.malformed("X", f"never {len(data)} octets")


def test_a_message_that_is_right_is_the_claim() -> None:
    """With an initial response nothing is asked; without one the client is asked for it."""
    with pytest.raises(StopIteration) as end:
        next(message.hear(b"said", right, broken=b"{}"))
    assert end.value.value is CLAIM

    exchange = message.hear(None, right, broken=b"{}")
    assert next(exchange) == Challenge(b"")
    with pytest.raises(StopIteration) as end:
        exchange.send(b"said")
    assert end.value.value is CLAIM


def test_a_broken_message_is_told_before_it_is_refused() -> None:
    """S55: 334 with the error, whatever the client answers, and only then the refusal."""
    exchange = message.hear(b"token", wrong, broken=b'{"status":"invalid_request"}')

    assert next(exchange) == Challenge(b'{"status":"invalid_request"}')
    with pytest.raises(SaslError, match="never 5 octets"):
        exchange.send(b"\x01")


def test_the_refusal_carries_no_frame_that_read_the_token() -> None:
    """Its traceback begins where the refusal is made, and it has neither cause nor context."""
    exchange = message.hear(b"token", wrong, broken=b"{}")
    next(exchange)
    with pytest.raises(SaslError) as caught:
        exchange.send(b"\x01")

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "wrong" not in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


@pytest.mark.parametrize("value", [b"Bearer x", b"bearer x", b"BEARER  x", b"Bearer a-b._~+/9=="])
def test_tokens(value: bytes) -> None:
    """RFC 6750 §2.1: b64token, the scheme in any case."""
    assert message.token(value, "X").reveal() == value.split()[-1].decode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer =",
        b"Bearer ===",
        b" Bearer x",
        b"Bearer x ",
        b"Bearer x\n",
        b"Bearer x y",
        b"Bearer x=y",
        b"Bearer x\0",
        b"Bearer \xc3\xa4",
        b"Bearer x,y",
        b'Bearer "x"',
        b"Bearer\tx",
        b"Basic x",
        b"Bearerx",
        b"Bearer " + b"x" * (message.MAX_TOKEN + 1),
    ],
)
def test_no_tokens(value: bytes) -> None:
    """S55: empty, of another alphabet, of another scheme, too long; and the refusal shows nothing of it."""
    with pytest.raises(SaslError) as caught:
        message.token(value, "X")

    assert "xxx" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_the_longest_token() -> None:
    """12 KiB are a token, and with the rest they are a message."""
    longest = b"x" * message.MAX_TOKEN

    assert len(message.token(b"Bearer " + longest, "X").reveal()) == message.MAX_TOKEN
    assert message.pairs(b"a=\x01auth=Bearer " + longest + b"\x01\x01", "X")[0] == b"a="


def test_pairs_end_with_two_separators() -> None:
    """What is between the 0x01 and nothing more; a longer message is not even split."""
    assert message.pairs(b"a\x01b\x01\x01", "X") == [b"a", b"b"]
    for data in (b"", b"\x01", b"a\x01", b"a\x01\x01b"):
        with pytest.raises(SaslError, match="two 0x01"):
            message.pairs(data, "X")
    with pytest.raises(SaslError, match="longer than"):
        message.pairs(b"\x01" * (message.MAX_MESSAGE + 1), "X")


def test_names_are_prepared() -> None:
    """S51: one spelling, and no control character."""
    assert message.name("\uff02ad\u00admin\uff02", "X") == '"admin"'
    with pytest.raises(SaslError, match="control character"):
        message.name("ann\r\nReceived: evil", "X")
