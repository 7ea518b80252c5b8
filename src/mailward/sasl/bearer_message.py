"""What OAUTHBEARER and XOAUTH2 say: a bearer token, among pairs with a 0x01 between (RFC 7628 §3.1, RFC 6750 §2.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

from mailward.errors import InputError, SaslError
from mailward.sasl.bearer_error import told
from mailward.sasl.mechanism import Answer, BearerClaim, Challenge, ClientExchange, Credentials, Refused, ask
from mailward.sasl.saslprep import prepare_name
from mailward.secret import Secret

MAX_TOKEN = 12_288  # octets; with a name and the rest it is more than an AUTH line can carry
MAX_MESSAGE = MAX_TOKEN + 2048
SEPARATOR = b"\x01"

_BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def hear(
    initial_response: bytes | None, read: Callable[[bytes], BearerClaim], *, broken: bytes
) -> Generator[Challenge, Answer, BearerClaim]:
    """The client's one message, as `read` takes it.

    broken: what a message that breaks the rules is told before it is refused, as a bad token is (RFC 7628 §3.2.2).
    """
    if initial_response is None:
        initial_response = yield from ask(b"")
    try:
        return read(initial_response)
    except SaslError as error:
        refusal = SaslError(error.message, phase="auth")
    yield from ask(broken)
    raise refusal  # a new one: the frames of the old one hold the token


def say(message: bytes, *, answer: bytes) -> ClientExchange:
    """The client's one message. A challenge after it says why the token is refused, and is answered with `answer`."""
    challenge = yield message
    if not challenge:
        return None
    why = told(challenge)
    try:
        yield answer
    except Refused:
        return why
    raise SaslError("the server went on after it had refused the token", phase="auth")


def auth_of(credentials: Credentials) -> str:
    """`Bearer <token>`; InputError for what is no token, which shows nothing of it."""
    value = credentials.password.reveal()
    if len(value) > MAX_TOKEN or not _TOKEN.fullmatch(value):
        raise InputError(
            f"what should be a bearer token is none: up to {MAX_TOKEN} letters, digits and -._~+/= (RFC 6750 §2.1)",
            phase="auth",
        )
    return f"Bearer {value}"


def pairs(data: bytes, mechanism: str) -> list[bytes]:
    """What stands before each 0x01 of `data`, which ends with two of them."""
    if len(data) > MAX_MESSAGE:
        raise malformed(mechanism, f"it is longer than {MAX_MESSAGE} octets")
    if not data.endswith(SEPARATOR * 2):
        raise malformed(mechanism, "it does not end with two 0x01")
    return data.removesuffix(SEPARATOR * 2).split(SEPARATOR)


def token(value: bytes, mechanism: str) -> Secret:
    """Of `Bearer <token>`; the scheme in any case (RFC 9110 §11.1)."""
    match = _BEARER.fullmatch(value)
    if match is None:
        raise malformed(mechanism, "its auth is not Bearer and a token (RFC 6750 §2.1)")
    if len(match[1]) > MAX_TOKEN:
        raise malformed(mechanism, f"the token is longer than {MAX_TOKEN} octets")
    return Secret(match[1].decode("ascii"))


def name(text: str, mechanism: str) -> str:
    try:
        return prepare_name(text)
    except InputError as error:
        problem = error.message
    raise SaslError(f"{mechanism} response: {problem}", phase="auth")


def malformed(mechanism: str, why: str) -> SaslError:
    return SaslError(f"malformed {mechanism} response: {why}", phase="auth")
