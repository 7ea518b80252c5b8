"""The transition tables: complete, and the same for both roles."""

from __future__ import annotations

import pytest

from mailward.errors import BadSequence
from mailward.wire.command import Auth, Bdat, Data, Ehlo, Mail, Noop, Quit, Rset, StartTls
from mailward.wire.state import ACCEPTED, CONTINUED, REFUSED, AuthResponse, EndOfContent, State, check, settle


def test_every_state_has_a_row() -> None:
    """No state is forgotten, and a table never moves from a step that would not be legal (but a 354, RFC 2920)."""
    assert set(ACCEPTED) == set(State)
    for state, row in REFUSED.items():
        assert set(row) <= set(ACCEPTED[state])
    for state, row in CONTINUED.items():
        assert set(row) - {Data} <= set(ACCEPTED[state])


@pytest.mark.parametrize(
    ("state", "step", "code", "after"),
    [
        (State.CONNECTED, Ehlo("x.test"), 250, State.READY),
        (State.CONNECTED, Ehlo("x.test"), 550, State.CONNECTED),
        (State.READY, Mail(None), 250, State.MAIL),
        (State.READY, Mail(None), 550, State.READY),
        (State.READY, Auth("PLAIN", b""), 334, State.AUTHENTICATING),
        (State.AUTHENTICATING, AuthResponse(b""), 535, State.READY),
        (State.AUTHENTICATING, AuthResponse(b""), 235, State.READY),
        (State.RCPT, Data(), 354, State.DATA),
        (State.RCPT, Data(), 451, State.RCPT),
        (State.DATA, EndOfContent(), 554, State.READY),
        (State.DATA, EndOfContent(), 250, State.READY),
        (State.BDAT, Rset(), 250, State.READY),
        (State.READY, StartTls(), 220, State.HANDSHAKE),
        (State.READY, StartTls(), 454, State.READY),
        (State.RCPT, Noop(), 421, State.CLOSED),
        (State.RCPT, Quit(), 221, State.CLOSED),
    ],
)
def test_replies_move_the_state(state: State, step, code: int, after: State) -> None:  # type: ignore[no-untyped-def]
    """2yz, 3yz and refusals each have their table; 421 ends everything."""
    assert settle(state, step, code) is after


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.CONNECTED, Mail(None)),
        (State.CONNECTED, StartTls()),
        (State.MAIL, Mail(None)),
        (State.MAIL, Data()),
        (State.READY, Bdat(1, True)),  # noqa: FBT003
        (State.BDAT, Data()),
        (State.RCPT, Auth("PLAIN", None)),
        (State.HANDSHAKE, Noop()),
        (State.GREETING, Ehlo("x.test")),
    ],
)
def test_what_is_out_of_order_is_refused(state: State, step) -> None:  # type: ignore[no-untyped-def]
    """RFC 5321 §4.1.4, and no AUTH in a transaction (RFC 4954 §4)."""
    with pytest.raises(BadSequence, match=state.name):
        check(state, step)
