"""LOGIN: the user name, then the password, each when asked (draft-murchison-sasl-login-00). Only inside TLS."""

from __future__ import annotations

from mailward.errors import InputError, SaslError
from mailward.sasl.cleartext import claim, spoken
from mailward.sasl.mechanism import Credentials, Mechanism, ServerExchange, SilentExchange, ask


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    authzid, authcid, password = spoken(credentials)
    if authzid:
        raise InputError("LOGIN cannot carry an authorization identity", phase="auth")
    challenge = yield authcid
    if _asks_for_name(challenge):  # this server ignores an initial response
        challenge = yield authcid
    if _asks_for_name(challenge):
        raise SaslError("the server never asked for the password", phase="auth")
    yield password


def server(initial_response: bytes | None, /, **_: object) -> ServerExchange:
    if initial_response is None:
        initial_response = yield from ask(b"Username:")
    password = yield from ask(b"Password:")
    return claim("LOGIN", authzid=b"", authcid=initial_response, password=password)


def _asks_for_name(challenge: bytes) -> bool:
    return challenge.lower().startswith((b"user", b"login"))


MECHANISM = Mechanism(name="LOGIN", strength=5, reveals_password=True, client=client, server=server)
