"""PLAIN: the password itself, in one response (RFC 4616). Only inside TLS."""

from __future__ import annotations

from mailward.errors import SaslError
from mailward.sasl.cleartext import claim, spoken
from mailward.sasl.mechanism import Credentials, Mechanism, ServerExchange, SilentExchange, ask


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    yield b"\0".join(spoken(credentials))


def server(initial_response: bytes | None, /, **_: object) -> ServerExchange:
    if initial_response is None:
        initial_response = yield from ask(b"")
    parts = initial_response.split(b"\0")
    if len(parts) != 3:
        raise SaslError("PLAIN response is not three parts with a NUL between", phase="auth")
    authzid, authcid, password = parts
    return claim("PLAIN", authzid=authzid, authcid=authcid, password=password)


MECHANISM = Mechanism(name="PLAIN", strength=10, reveals_password=True, client=client, server=server)
