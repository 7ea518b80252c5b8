"""Any body of an authorization server is a token, a code to enter, or a refusal fit to be shown."""

from __future__ import annotations

from mailward.client import oauth2_cache, oauth2_device, oauth2_endpoint, oauth2_service_account
from mailward.net.https import HttpAnswer
from mailward.secret import Secret

SEEDS = [
    b'{"access_token":"a.b-c","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}',
    b'{"access_token":"a","expires_in":"1e309","token_type":"bearer"}',
    b'{"error":"invalid_grant","error_description":"AADSTS65001: sent-secret \\u202e"}',
    b'{"error":"slow_down"}',
    b'{"device_code":"d","user_code":"A-B","verification_uri":"https://e.test","expires_in":1e400,"interval":NaN}',
    b'{"version":1,"tokens":{"n":{"access":"a","until":1.0,"refresh":null,"lifetime":"x"}}}',
    b'{"client_email":"a","private_key_id":"k","private_key":"p","token_uri":"https://e.test"}',
    b"[[[[[[",
    b"\xff\xfe",
    b"",
]
_SENT = "sent-secret"


def target(data: bytes) -> None:
    said = oauth2_endpoint._json(HttpAnswer(200, {}, data))
    if said is not None:
        _check_answer(said)
    for token in (oauth2_cache._parsed(data) or {}).values():
        _check(isinstance(token.access, Secret), token)
    key = oauth2_service_account._parsed(data)
    _check(key is None or bool(key.email and key.token_url and key.private_key), key)


def _check_answer(said: dict[str, object]) -> None:
    token = oauth2_endpoint._token(said, 1000.0)
    if token is not None:
        access = token.access.reveal()
        _check(access.isascii() and access.isprintable() and bool(access), token)
        _check(token.until is None or token.until >= 1000.0, token)
    error = oauth2_endpoint._refusal("https://e.test/token", 400, said, [Secret(_SENT)])
    _check(str(error).isprintable() and _SENT not in str(error) and bool(error.advice), error)
    asked = oauth2_device._read(said)
    if asked is not None:
        prompt = asked.prompt
        _check(f"{prompt}{prompt.direct}".isprintable() and 1 <= asked.interval <= 60, prompt)
        _check(0 < prompt.seconds <= 1800, prompt)


def _check(holds: bool, what: object) -> None:  # noqa: FBT001  # reads as an assertion
    if not holds:
        raise AssertionError(repr(what))
