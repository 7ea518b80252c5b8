"""Every form that `auth=` may have, and what is told of those it may not."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from mailward.client.credentials import Authority
from mailward.client.identities import NTLM, Anonymous, External, Kerberos, Login
from mailward.client.oauth2 import OAuth2
from mailward.client.password_places import Environment, Keyring, PasswordFile
from mailward.client.passwords import Called, Fixed, Password
from mailward.client.url import Target, parse_target
from mailward.errors import InputError
from mailward.net.ports import Ports
from mailward.sasl.mechanism import Credentials, Kind
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers

CANARY = "canary-9b21"
HOST = Target("smtp.example.test")
ANN_AT_HOST = Target("smtp.example.test", user="ann")


def authority(auth: Any, target: Target = HOST, mechanisms: Any = None) -> Authority:
    found = Authority.of(auth, target, mechanisms)
    assert found is not None
    return found


def credentials(driver: Driver, found: Authority) -> Credentials:
    async def flow(ports: Ports) -> Credentials:
        await found.ready(ports, until=ports.now() + 5)
        return await found.current(ports, until=ports.now() + 5, host="smtp.example.test", port=465)

    return driver.run(flow)


@both_drivers
@pytest.mark.parametrize(
    "auth",
    [
        ("ann", "secret"),
        ("ann", Secret("secret")),
        ("ann", lambda: "secret"),
        ("ann", Password("secret", next="other")),
        ("ann", Environment("SMTP_PASSWORD")),
        OAuth2.callable("ann", lambda: "secret"),
    ],
    ids=["str", "Secret", "function", "Password", "Environment", "OAuth2"],
)
def test_each_form_gives_user_and_secret(driver: Driver, auth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this server, told to mechanisms that tie a login to it."""
    monkeypatch.setenv("SMTP_PASSWORD", "secret")
    found = authority(auth)
    kind: Kind = "token" if isinstance(auth, OAuth2) else "password"

    assert (found.user, found.kind, found.mechanisms) == ("ann", kind, None)
    assert credentials(driver, found) == Credentials(
        "ann",
        Secret("secret"),
        kind=kind,
        host="smtp.example.test",
        port=465,
    )


def test_a_user_in_the_url() -> None:
    """With a password there, or with a place that knows it."""
    assert authority(None, parse_target("smtps://ann:pw@smtp.example.test")).user == "ann"
    for auth, kind in (
        (lambda: "x", Called),
        (Password("x"), Password),
        (PasswordFile("/run/secret"), PasswordFile),
        ("keyring", Keyring),
        (Secret("x"), Fixed),
    ):
        found = authority(auth, ANN_AT_HOST)
        assert found.user == "ann"
        assert isinstance(found.source, Login)
        assert isinstance(found.source.secret, kind)
    assert authority(("ann", "x"), ANN_AT_HOST).user == "ann"
    assert authority(OAuth2.callable("ann", lambda: "x"), ANN_AT_HOST).user == "ann"


def test_nobody_logs_in() -> None:
    """Without auth= and a user in the URL."""
    assert Authority.of(None, HOST) is None
    with pytest.raises(InputError, match="nobody does"):
        Authority.of(None, HOST, ["PLAIN"])


@both_drivers
@pytest.mark.parametrize(
    ("auth", "kind", "user", "secret"),
    [
        (External(), "certificate", "", ""),
        (External("ann"), "certificate", "ann", ""),
        (Anonymous("me@example.test"), "anonymous", "me@example.test", ""),
        (Kerberos(), "kerberos", "", ""),
        (Kerberos("ann", "pw"), "kerberos", "ann", "pw"),
        (NTLM("CORP\\ann", "pw"), "ntlm", "CORP\\ann", "pw"),
        (NTLM("CORP\\ann", Password("pw", next="pw2")), "ntlm", "CORP\\ann", "pw"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_who_needs_no_password(driver: Driver, auth: Any, kind: str, user: str, secret: str) -> None:
    """Each is of the kind that its mechanisms want."""
    found = credentials(driver, authority(auth))

    assert (found.kind, found.authcid, found.password.reveal()) == (kind, user, secret)


@pytest.mark.parametrize(
    ("auth", "target", "problem"),
    [
        (None, ANN_AT_HOST, "names a user and no password"),
        (CANARY, HOST, "must be a pair"),
        (CANARY, ANN_AT_HOST, "must be a pair"),
        (Secret(CANARY), HOST, "must be a pair"),
        ("keyring", HOST, "must be a pair"),
        (("ann", ""), HOST, "is empty"),
        (("", CANARY), HOST, "empty user name"),
        (("ann", CANARY, "x"), HOST, "must be a pair"),
        (("ann", 5), HOST, "must be a str, a Secret, a function"),
        ({"ann": CANARY}, HOST, "must be a pair"),
        ({"ann": CANARY}, ANN_AT_HOST, "must be a str, a Secret, a function"),
        (("bob", CANARY), ANN_AT_HOST, "both say who logs in"),
        (("ann", CANARY), Target("h", user="ann", password=Secret("x")), "both say who logs in"),
        (lambda: CANARY, Target("h", user="ann", password=Secret("x")), "both say who logs in"),
        (External("bob"), ANN_AT_HOST, "both say who logs in"),
    ],
    ids=range(15),
)
def test_what_cannot_be_used(auth: Any, target: Target, problem: str) -> None:
    """Told when the client is made; neither the message nor a traceback with local variables shows the password."""
    with pytest.raises(InputError, match=problem) as caught:
        Authority.of(auth, target)

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [str(frame.locals) for frame in told.stack if "/src/mailward/" in frame.filename]
    assert shown
    assert CANARY not in f"{shown}{caught.value!r}{caught.value.__cause__}{caught.value.__context__}"
    assert caught.value.phase == "options"


def test_mechanisms_are_checked_by_name_and_kind() -> None:
    """Unknown ones, and those that no such credentials can feed."""
    assert authority(("ann", "x"), mechanisms=["plain", "SCRAM-SHA-256"]).mechanisms == ("PLAIN", "SCRAM-SHA-256")
    assert authority(("ann", "x"), mechanisms=["CRAM-MD5"]).mechanisms == ("CRAM-MD5",)
    with pytest.raises(InputError, match="PLIAN"):
        authority(("ann", "x"), mechanisms=["PLIAN"])
    with pytest.raises(InputError, match="names XOAUTH2, and auth= gives a password") as caught:
        authority(("ann", "x"), mechanisms=["XOAUTH2"])
    assert "SCRAM-SHA-256-PLUS" in caught.value.advice
    assert caught.value.phase == "options"
    with pytest.raises(InputError):
        authority(("ann", "x"), mechanisms=[])
