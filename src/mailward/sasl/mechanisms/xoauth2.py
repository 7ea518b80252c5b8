"""XOAUTH2: OAUTHBEARER as it was before there was a standard, which many clients still speak. Only inside TLS."""

from __future__ import annotations

from mailward.errors import InputError
from mailward.sasl import bearer_message as message
from mailward.sasl.mechanism import BearerClaim, ClientExchange, Credentials, Mechanism, ServerExchange
from mailward.sasl.saslprep import prepare_name

_NAME = "XOAUTH2"
_BAD_TOKEN = b'{"status":"401","schemes":"Bearer"}'
_BAD_REQUEST = b'{"status":"400","schemes":"Bearer"}'


def client(credentials: Credentials, /, **_: object) -> ClientExchange:
    if credentials.authzid:
        raise InputError("XOAUTH2 cannot carry an authorization identity", phase="auth")
    user = prepare_name(credentials.authcid)
    said = f"user={user}\x01auth={message.auth_of(credentials)}\x01\x01".encode()
    return (yield from message.say(said, answer=b""))


def server(initial_response: bytes | None, /, **_: object) -> ServerExchange:
    return (yield from message.hear(initial_response, _read, broken=_BAD_REQUEST))


def _read(data: bytes) -> BearerClaim:
    parts = message.pairs(data, _NAME)
    if len(parts) != 2 or not parts[0].startswith(b"user=") or not parts[1].startswith(b"auth="):
        raise message.malformed(_NAME, "it is not a user and an auth, each followed by 0x01, and another 0x01")
    user, auth = (part[5:] for part in parts)
    return BearerClaim(_name(user), "", message.token(auth, _NAME), _BAD_TOKEN)


def _name(user: bytes) -> str:
    try:
        text = user.decode()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise message.malformed(_NAME, "its user is empty or not UTF-8")
    return message.name(text, _NAME)


MECHANISM = Mechanism(name=_NAME, strength=1, credential="token", reveals_password=True, client=client, server=server)
