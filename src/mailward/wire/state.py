"""Which command is legal when, and where it leads (RFC 5321 §4.1.4, RFC 3207, RFC 4954, RFC 3030).

The whole truth is three tables. A command is legal when ACCEPTED has it for the state. Its reply decides which table
moves the state: 2yz ACCEPTED, 3yz CONTINUED, 4yz/5yz REFUSED (where a refusal is not listed, nothing moves).
`settle` is the only mover; client and server use the same tables, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Final, TypeAlias

from mailward.errors import BadSequence
from mailward.wire.command import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    XClient,
)
from mailward.wire.reply import Reply


class State(IntEnum):
    """Where a session stands. Of integers, because every command is looked up by it twice."""

    GREETING = auto()  # nothing said yet
    CONNECTED = auto()  # greeted, or just inside TLS: EHLO is due
    READY = auto()  # no mail transaction
    AUTHENTICATING = auto()  # 334 given: the next line is a SASL response
    MAIL = auto()  # reverse-path known
    RCPT = auto()  # at least one forward-path accepted
    DATA = auto()  # 354 given: content follows
    BDAT = auto()  # at least one chunk accepted, the last is still to come
    HANDSHAKE = auto()  # 220 given to STARTTLS: TLS follows
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """A line of a SASL exchange, decoded; None when the client cancelled it with "*" (RFC 4954 §4)."""

    data: bytes | None

    def __repr__(self) -> str:
        return "AuthResponse(…)"


@dataclass(frozen=True, slots=True)
class EndOfContent:
    """The content is complete (final dot, or last chunk). `data`: what of it was not given before.

    `fault`: the reply that refuses it, if it must be; `fatal`: the connection ends with that reply.
    """

    data: bytes = field(default=b"", repr=False)
    fault: Reply | None = None
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class EndOfChunk:
    """A BDAT chunk that is not the last is complete; `data` and `fault` as above."""

    data: bytes = field(default=b"", repr=False)
    fault: Reply | None = None


Step: TypeAlias = Command | AuthResponse | EndOfContent | EndOfChunk

_ANYTIME: Final = (Rset, Noop, Help, Vrfy, Expn)


def _here(state: State) -> dict[type, State]:
    return {**dict.fromkeys(_ANYTIME, state), **dict.fromkeys((Ehlo, Helo, Lhlo), State.READY), Quit: State.CLOSED}


ACCEPTED: Final[dict[State, dict[type, State]]] = {
    State.GREETING: {},
    State.CONNECTED: _here(State.CONNECTED) | {XClient: State.CONNECTED},
    State.READY: _here(State.READY)
    | {StartTls: State.HANDSHAKE, Auth: State.READY, Mail: State.MAIL, XClient: State.CONNECTED},
    State.AUTHENTICATING: {AuthResponse: State.READY},
    State.MAIL: _here(State.MAIL) | {Rset: State.READY, StartTls: State.HANDSHAKE, Rcpt: State.RCPT},
    State.RCPT: _here(State.RCPT)
    | {
        Rset: State.READY,
        StartTls: State.HANDSHAKE,
        Rcpt: State.RCPT,
        Data: State.DATA,
        Bdat: State.BDAT,
        EndOfChunk: State.BDAT,
        EndOfContent: State.READY,
    },
    State.DATA: {EndOfContent: State.READY},
    State.BDAT: {
        **dict.fromkeys((Noop, Help), State.BDAT),
        Rset: State.READY,
        Ehlo: State.READY,
        Helo: State.READY,
        Bdat: State.BDAT,
        EndOfChunk: State.BDAT,
        EndOfContent: State.READY,
        Quit: State.CLOSED,
    },
    State.HANDSHAKE: {},
    State.CLOSED: {},
}

CONTINUED: Final[dict[State, dict[type, State]]] = {
    State.READY: {Auth: State.AUTHENTICATING, Data: State.DATA},  # RFC 2920 §3.1: a server may say 354 to a pipelined
    State.AUTHENTICATING: {AuthResponse: State.AUTHENTICATING},
    State.MAIL: {Data: State.DATA},  # DATA though it took no sender or recipient; only the dot can follow
    State.RCPT: {Data: State.DATA},
}

REFUSED: Final[dict[State, dict[type, State]]] = {
    State.AUTHENTICATING: {AuthResponse: State.READY},
    State.DATA: {EndOfContent: State.READY},
    State.RCPT: {EndOfChunk: State.READY, EndOfContent: State.READY},  # a refused chunk ends the transaction (RFC 3030)
    State.BDAT: {EndOfChunk: State.READY, EndOfContent: State.READY},
}


def check(state: State, step: Step) -> None:
    """Raise BadSequence unless `step` is legal in `state`."""
    if type(step) not in ACCEPTED[state]:
        name = getattr(step, "verb", type(step).__name__)
        raise BadSequence(f"{name} is not legal in state {state.name}", phase=name.lower())


def settle(state: State, step: Step, code: int) -> State:
    """The state after `step` was answered with reply `code`."""
    if code == 421:
        return State.CLOSED
    table = ACCEPTED if code < 300 else CONTINUED if code < 400 else REFUSED
    return table.get(state, {}).get(type(step), state)
