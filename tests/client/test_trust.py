"""Whom one client believes, from all that may be said of it; and that nothing holds for the process."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest

from mailward.client.certificate import pin_of
from mailward.client.tls_mode import TLS
from mailward.client.trust import Trust
from mailward.errors import CertificateError, InputError
from tests.support.certificates import Pair, authority, good, issue

PIN = pin_of(good().der)
OTHER_PIN = "sha256/" + "A" * 43 + "="


def subjects(trust: Trust) -> int:
    return len(trust.context.get_ca_certs())


def own_context() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority().pem.decode())


def written(folder: Path, pair: Pair, name: str = "client") -> tuple[str, str]:
    (folder / f"{name}.pem").write_bytes(pair.pem)
    (folder / f"{name}.key").write_bytes(pair.key_pem)
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


@pytest.mark.parametrize("trust", [Trust(None), Trust(authority().pem), Trust.of("auto")], ids=range(3))
def test_verification_is_on(trust: Trust) -> None:
    """A certificate required, its name checked, TLS 1.2 at least."""
    context = trust.context

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert trust.newest == "TLSv1.3"
    assert trust.server_name("mail.example") == "mail.example"


@pytest.mark.parametrize(
    ("options", "whose"),
    [
        ({}, "system CAs"),
        ({"ca": authority().pem}, "ca="),
        ({"pin": PIN}, "pin"),
        ({"ca": authority().pem, "pin": [PIN, OTHER_PIN]}, "ca= and pin"),
        ({"ca": "system"}, "system CAs"),
        ({"ca": "system", "pin": PIN}, "system CAs and pin"),
        ({"tls": TLS(context=own_context())}, "context="),
        ({"tls": TLS(context=own_context()), "pin": PIN}, "context= and pin"),
        ({"tls": TLS(ca=authority().pem, pin=PIN)}, "ca= and pin"),
    ],
)
def test_who_vouches(options: dict[str, Any], whose: str) -> None:
    """It is in every receipt."""
    assert Trust.of(**options).verified_by == whose


def test_the_system_is_read_once_and_late() -> None:
    """A client that never speaks TLS pays nothing; one that does, pays once."""
    trust = Trust(None)

    assert trust._context is None
    assert trust.context is trust.context


def test_a_pin_alone_is_enough() -> None:
    """Dates, names and authorities are not looked at; the key is, before a word is said."""
    trust = Trust.of(pin=PIN)

    assert trust.context.verify_mode is ssl.CERT_NONE
    assert trust.context.minimum_version is ssl.TLSVersion.TLSv1_2
    trust.check(good().der, "any.example")
    with pytest.raises(CertificateError, match=re.escape(f", and pin= expects {PIN}")):
        trust.check(issue().der, "any.example")
    with pytest.raises(CertificateError, match="it is none, and"):
        trust.check(b"", "any.example")
    Trust.of(pin=[OTHER_PIN, PIN]).check(good().der, "any.example")


@pytest.mark.parametrize(
    "options", [{"ca": authority().pem}, {"ca": "system"}, {"tls": TLS(context=own_context())}], ids=range(3)
)
def test_a_pin_beside_authorities_replaces_nothing(options: dict[str, Any]) -> None:
    """Both must hold."""
    trust = Trust.of(pin=PIN, **options)

    assert trust.context.verify_mode is ssl.CERT_REQUIRED
    assert trust.context.check_hostname
    with pytest.raises(CertificateError, match="pin= expects"):
        trust.check(issue().der, "127.0.0.1")


def test_names_instead_of_the_host() -> None:
    """One is left to OpenSSL; of several, one is enough, and the chain is verified all the same."""
    one, several = Trust(tls=TLS(names="a.example")), Trust(tls=TLS(names=("a.example", "b.example")))

    assert (one.server_name("h"), one.context.check_hostname) == ("a.example", True)
    assert (several.server_name("h"), several.context.check_hostname) == ("a.example", False)
    assert several.context.verify_mode is ssl.CERT_REQUIRED
    several.check(issue(("b.example",)).der, "h")
    with pytest.raises(CertificateError, match=r"it is for c\.example, not for a\.example or b\.example"):
        several.check(issue(("c.example",)).der, "h")


def test_versions_and_ciphers() -> None:
    """TLS 1.3 alone, or fewer ciphers; the context of one client only."""
    newest = Trust.of(TLS(min_version="1.3"), authority().pem).context
    fewer = Trust.of(TLS(ciphers="ECDHE+CHACHA20"), authority().pem).context

    assert newest.minimum_version is ssl.TLSVersion.TLSv1_3
    old = {cipher["name"] for cipher in fewer.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
    assert old == {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"}
    assert len(Trust(authority().pem).context.get_ciphers()) > len(fewer.get_ciphers())


@pytest.mark.parametrize(
    ("ciphers", "told"),
    [
        ("aNULL:AES256-SHA", "does not authenticate or encrypt"),
        ("eNULL", "does not authenticate or encrypt|no such cipher"),
        ("ALL:COMPLEMENTOFALL", "does not authenticate or encrypt"),
        ("DEFAULT:@SECLEVEL=0", "security level"),
        ("nonsense", "no such cipher"),
    ],
)
def test_ciphers_that_weaken(ciphers: str, told: str) -> None:
    """They are refused when the client is made."""
    with pytest.raises(InputError, match=told):
        Trust(tls=TLS(ciphers=ciphers))


def test_a_context_of_ones_own() -> None:
    """It is used as it is, and never changed."""
    context = own_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    trust = Trust.of(TLS(context=context, names="a.example"), pin=PIN)

    assert trust.context is context
    assert trust.newest == "TLSv1.2"
    assert trust.server_name("h") == "a.example"


def unverified(*, names_only: bool = False, old: bool = False) -> ssl.SSLContext:
    context = own_context()
    if old:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context
    context.check_hostname = False
    if not names_only:
        context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    ("context", "told"),
    [
        (unverified(), "verifies no certificate"),
        (unverified(names_only=True), "does not check the server's name"),
        (unverified(old=True), "before TLS 1.2"),
        ("context", "no ssl.SSLContext"),
    ],
)
def test_a_context_that_does_not_verify(context: Any, told: str) -> None:
    """It is refused, with the way that is safe."""
    with pytest.raises(InputError, match=told) as caught:
        Trust(tls=TLS(context=context))

    assert caught.value.advice


@pytest.mark.parametrize(
    "options",
    [
        {"tls": TLS(ca=authority().pem), "ca": authority().pem},
        {"tls": TLS(pin=PIN), "pin": PIN},
        {"tls": TLS(context=own_context()), "cert": ("a", "b")},
        {"tls": TLS(context=own_context(), names=("a.example", "b.example"))},
        {"tls": TLS(names=("a b",))},
        {"tls": TLS(names="bücher.example")},
        {"tls": TLS(names=("",))},
        {"tls": TLS(names=("a.example\x00.b.example",))},
        {"pin": "sha256/AAAA"},
        {"cert": 7},
        {"ca": 7},
    ],
)
def test_what_cannot_be_meant(options: dict[str, Any]) -> None:
    """Two things said of one matter, and what is none, are InputErrors of the options."""
    with pytest.raises(InputError) as caught:
        Trust.of(**options)

    assert caught.value.phase == "options"


def test_a_look_checks_nothing_and_shows_nothing(tmp_path: Path) -> None:
    """It reads a refused certificate: without our own, and without an effect on the checks."""
    trust = Trust.of(ca=authority().pem, cert=written(tmp_path, issue()))

    assert trust.for_a_look().verify_mode is ssl.CERT_NONE
    assert trust.for_a_look() is not trust.context
    assert trust.context.verify_mode is ssl.CERT_REQUIRED


def test_a_renewed_certificate_is_read_again(tmp_path: Path) -> None:
    """New connections get a new context; half of a pair, or none at all, leaves the old one in place."""
    old, new = issue(), issue()
    certfile, keyfile = written(tmp_path, old)
    trust = Trust.of(ca=authority().pem, cert=(certfile, keyfile))
    first = trust.context
    assert trust.context is first

    Path(certfile).write_bytes(new.pem + b"\n")
    assert trust.context is first
    Path(keyfile).write_bytes(new.key_pem + b"\n")
    second = trust.context
    assert second is not first
    assert trust.context is second
    Path(keyfile).unlink()
    assert trust.context is second


def test_nothing_holds_for_the_process(tmp_path: Path) -> None:
    """After every kind of client the ssl module is as it was, and so is another client."""
    before = {**vars(ssl), **vars(ssl.SSLContext)}
    plain = Trust(authority().pem)
    for trust in (
        Trust.of(pin=PIN),
        Trust.of(TLS(min_version="1.3", ciphers="ECDHE+CHACHA20"), authority().pem),
        Trust.of(TLS(names=("a.example", "b.example")), cert=written(tmp_path, issue())),
        Trust.of(TLS(context=own_context())),
    ):
        _ = trust.context, trust.for_a_look()

    assert {**vars(ssl), **vars(ssl.SSLContext)} == before
    default = ssl.create_default_context()
    assert (default.verify_mode, default.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert plain.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert subjects(plain) == 1
