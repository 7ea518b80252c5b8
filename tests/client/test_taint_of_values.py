"""What holds a secret shows it to nobody: options that are refused, their owners' texts and pickles; and the search."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable

import msgspec
import pytest

from mailward.client.identities import NTLM
from mailward.client.oauth2 import OAuth2
from mailward.client.passwords import Password
from mailward.errors import DeadlineExceeded, InputError, MailwardError
from mailward.secret import Secret
from tests.support.login_flow import authority_of
from tests.support.taint import findings, seen_in

CANARY = "canary-Zp/7+f3a-quite-long"
OTHER = "canary-Kq-another-one-2"
SECRETS = (CANARY, OTHER)
USER = "ann@example.test"


def test_options_that_are_refused() -> None:
    """What a client is told of its auth= when it is made."""
    makers: list[Callable[[], object]] = [
        lambda: authority_of((USER, CANARY, "more")),
        lambda: authority_of(("", CANARY)),
        lambda: authority_of(CANARY),
        lambda: authority_of({USER: CANARY}),
        lambda: authority_of((USER, CANARY.encode())),
        lambda: authority_of((USER, CANARY), ["XOAUTH2"]),
        lambda: authority_of((USER, Password(CANARY, next=""))),
        lambda: NTLM("", CANARY),
        lambda: OAuth2.google("", client_id="c", client_secret=CANARY, refresh_token=OTHER),
        lambda: OAuth2.google(USER, client_id="c", client_secret=CANARY, refresh_token=""),
        lambda: OAuth2.microsoft(USER, tenant="/", client_id="c", client_secret=CANARY, refresh_token=OTHER),
        lambda: OAuth2.refresh_token(USER, token_url="x", client_id="c", client_secret="", refresh_token=CANARY),
    ]
    for make in makers:
        with pytest.raises(InputError) as caught:
            make()
        assert findings(caught.value, SECRETS) == []


@pytest.mark.parametrize(
    "value",
    [
        Secret(CANARY),
        Password(CANARY, next=OTHER),
        OAuth2.google(USER, client_id="c", client_secret=CANARY, refresh_token=OTHER),
        authority_of((USER, CANARY)),
        NTLM(USER, CANARY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_that_holds_a_secret_shows_or_saves_it(value: object) -> None:
    """Text, JSON by two libraries, pickle."""
    for show in (repr, str, lambda each: f"{each!r:>9}", lambda each: f"{[each]}"):
        assert not seen_in(show(value), SECRETS)
    for save in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, pickle.dumps):
        with pytest.raises(TypeError) as caught:
            save(value)
        assert findings(caught.value, SECRETS) == []


def _holding(text: str) -> Callable[[], str]:
    return lambda: text


def test_a_leak_would_be_found() -> None:
    """The search itself: each hiding place with a canary in it is found, and a Secret is not opened."""

    class Holder(MailwardError):
        kept: object = None

    holder = Holder("x")
    assert findings(holder, SECRETS, Secret(CANARY), {"a": [Secret(CANARY)]}) == []
    for leak in (
        CANARY,
        CANARY.encode(),
        {CANARY: 1},
        [("x", {"y": CANARY})],
        base64.b64encode(b"\0ann\0" + CANARY.encode()),
        CANARY.encode().hex(),
        _holding(CANARY),
    ):
        holder.kept = leak
        assert findings(holder, SECRETS), leak
    assert findings(Holder(CANARY), SECRETS)
    caused = Holder("x")
    caused.__cause__ = DeadlineExceeded(CANARY)
    assert findings(caused, SECRETS)
