"""OAUTHBEARER: a token of an identity provider in the place of a password (RFC 7628). Only inside TLS."""

from __future__ import annotations

import re

from mailward.errors import InputError
from mailward.sasl import bearer_message as message
from mailward.sasl.mechanism import BearerClaim, ClientExchange, Credentials, Mechanism, ServerExchange
from mailward.sasl.saslprep import prepare_name
from mailward.sasl.scram_message import escape

_NAME = "OAUTHBEARER"
_MOST_PAIRS = 16
_BAD_TOKEN = b'{"status":"invalid_token"}'
_BAD_REQUEST = b'{"status":"invalid_request"}'

# §3.1. "p" would bind the channel, which no bearer token can.
_GS2_HEADER = re.compile(r"[ny],(?:a=((?:[^\0\x01,=]|=2C|=3D)+))?,")
_PAIR = re.compile(rb"([A-Za-z]{1,32})=([\t\n\r\x20-\x7e]*)")
_HOST = re.compile(r"[\x21-\x7e]{0,255}")
_PORT = re.compile(rb"[0-9]{1,5}")
_LONGEST_HOST = 255


def client(credentials: Credentials, /, **_: object) -> ClientExchange:
    """§3.1: the name is where other mechanisms have whom to act as, so there is no place for another one."""
    if credentials.authzid:
        raise InputError("OAUTHBEARER cannot carry another identity than that of the token", phase="auth")
    who = f"a={escape(prepare_name(credentials.authcid))}" if credentials.authcid else ""
    place = "".join(f"{key}={value}\x01" for key, value in _place(credentials) if value)
    said = f"n,{who},\x01{place}auth={message.auth_of(credentials)}\x01\x01".encode()
    return (yield from message.say(said, answer=message.SEPARATOR))


def _place(credentials: Credentials) -> tuple[tuple[str, str], ...]:
    host, port = credentials.host, credentials.port
    if not _HOST.fullmatch(host) or not 0 <= port <= 65535:
        raise InputError("OAUTHBEARER cannot carry this host and port", phase="auth")
    return ("host", host), ("port", str(port or ""))


def server(initial_response: bytes | None, /, **_: object) -> ServerExchange:
    return (yield from message.hear(initial_response, _read, broken=_BAD_REQUEST))


def _read(data: bytes) -> BearerClaim:
    header, *rest = message.pairs(data, _NAME)
    values = _values(rest)
    if "auth" not in values:
        raise message.malformed(_NAME, "it has no auth")
    _check_address(values)
    authcid = _authzid(header)
    return BearerClaim(authcid, "", message.token(values["auth"], _NAME), _BAD_TOKEN)


def _values(pairs: list[bytes]) -> dict[str, bytes]:
    """Keys that nobody here knows are taken and mean nothing."""
    if len(pairs) > _MOST_PAIRS:
        raise message.malformed(_NAME, f"it has more than {_MOST_PAIRS} pairs")
    values: dict[str, bytes] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None:
            raise message.malformed(_NAME, "a pair is not letters, = and a value")
        key = match[1].decode("ascii")
        if key in values:
            raise message.malformed(_NAME, "a key comes twice")
        values[key] = match[2]
    return values


def _check_address(values: dict[str, bytes]) -> None:
    """Where the client thinks it is: nothing here depends on it (a proxy may stand before us)."""
    if len(values.get("host", b"")) > _LONGEST_HOST:
        raise message.malformed(_NAME, f"the host is longer than {_LONGEST_HOST} octets")
    if "port" in values and not _PORT.fullmatch(values["port"]):
        raise message.malformed(_NAME, "the port is no number")


def _authzid(header: bytes) -> str:
    """Whom the client says the token is for; it may leave that to the token."""
    try:
        match = _GS2_HEADER.fullmatch(header.decode())
    except UnicodeDecodeError:
        match = None
    if match is None:
        raise message.malformed(_NAME, "it does not begin with a GS2 header without channel binding")
    if match[1] is None:
        return ""
    return message.name(match[1].replace("=2C", ",").replace("=3D", "="), _NAME)


MECHANISM = Mechanism(name=_NAME, strength=2, credential="token", reveals_password=True, client=client, server=server)
