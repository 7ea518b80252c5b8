"""Which mode and port follow from what was said; never clear text by itself (RFC 8314)."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from mailward.client.tls_mode import INSECURE_PLAINTEXT, TLS, Endpoint, TlsMode, endpoints
from mailward.client.url import parse_target
from mailward.errors import InputError, InvalidUrl

IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.STARTTLS


@pytest.mark.parametrize(
    ("text", "port", "tls", "expected"),
    [
        ("h", None, "auto", [(465, IMPLICIT), (587, STARTTLS)]),
        ("h", 465, "auto", [(465, IMPLICIT)]),
        ("h", 587, "auto", [(587, STARTTLS)]),
        ("h", 25, "auto", [(25, STARTTLS)]),
        ("h:5587", None, "auto", [(5587, STARTTLS)]),
        ("h:5465", None, "auto", [(5465, IMPLICIT)]),
        ("h", 2465, "auto", [(2465, IMPLICIT)]),
        ("h", 4650, "auto", [(4650, STARTTLS)]),
        ("h", 34465, "auto", [(34465, STARTTLS)]),
        ("h", None, "implicit", [(465, IMPLICIT)]),
        ("h", 5465, "implicit", [(5465, IMPLICIT)]),
        ("h", None, "starttls", [(587, STARTTLS)]),
        ("h", 465, "starttls", [(465, STARTTLS)]),
        ("h", None, INSECURE_PLAINTEXT, [(25, INSECURE_PLAINTEXT)]),
        ("h", 2525, INSECURE_PLAINTEXT, [(2525, INSECURE_PLAINTEXT)]),
        ("h", None, TlsMode.IMPLICIT, [(465, IMPLICIT)]),
        ("smtps://h", None, "auto", [(465, IMPLICIT)]),
        ("smtps://h:5465", None, "auto", [(5465, IMPLICIT)]),
        ("smtps://h?tls=implicit", None, "implicit", [(465, IMPLICIT)]),
        ("smtp://h", None, "auto", [(587, STARTTLS)]),
        ("smtp://h:465", None, "auto", [(465, IMPLICIT)]),
        ("smtp://h:25", 25, "auto", [(25, STARTTLS)]),
        ("smtp://h?tls=implicit", None, "auto", [(465, IMPLICIT)]),
        ("smtp://h?tls=auto", None, "starttls", [(587, STARTTLS)]),
        ("smtp://h:2525?tls=insecure-plaintext", None, "auto", [(2525, INSECURE_PLAINTEXT)]),
        ("h", None, TLS(), [(465, IMPLICIT), (587, STARTTLS)]),
        ("h", 587, TLS(min_version="1.3"), [(587, STARTTLS)]),
        ("h", None, TLS("implicit"), [(465, IMPLICIT)]),
        ("h", None, TLS(TlsMode.STARTTLS), [(587, STARTTLS)]),
        ("smtps://h", None, TLS(requiretls=True), [(465, IMPLICIT)]),
    ],
)
def test_modes_and_ports(
    text: str, port: int | None, tls: str | TlsMode | TLS, expected: list[tuple[int, TlsMode]]
) -> None:
    """The whole table."""
    assert endpoints(parse_target(text), port=port, tls=tls) == tuple(Endpoint("h", *pair) for pair in expected)


@pytest.mark.parametrize("tls", ["none", "plaintext", "insecure-plaintext", "INSECURE_PLAINTEXT", "ssl", "", "tls\x1b"])
def test_clear_text_has_one_spelling(tls: str) -> None:
    """No string means it, and the error says how it is spelled."""
    with pytest.raises(InputError, match="not a way to secure") as caught:
        endpoints(parse_target("h"), port=None, tls=tls)

    assert "INSECURE_PLAINTEXT" in caught.value.advice
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "port", "tls"),
    [
        ("smtp://h?tls=starttls", None, "implicit"),
        ("smtps://h", None, "starttls"),
        ("smtps://h", None, INSECURE_PLAINTEXT),
        ("smtp://h?tls=implicit", None, INSECURE_PLAINTEXT),
        ("smtps://h", None, TLS("starttls")),
        ("smtp://h:25?tls=insecure-plaintext", None, TLS("starttls")),
        ("h:25", 587, "auto"),
        ("h", 0, "auto"),
        ("h", 65536, "auto"),
        ("h", -1, "auto"),
    ],
)
def test_contradictions_are_refused(text: str, port: int | None, tls: str | TlsMode | TLS) -> None:
    """Two things said of one matter are not weighed against each other."""
    with pytest.raises(InputError):
        endpoints(parse_target(text), port=port, tls=tls)


@pytest.mark.parametrize("query", ["starttls", "insecure-plaintext"])
def test_smtps_is_tls_from_the_first_octet(query: str) -> None:
    """A URL that contradicts itself is refused."""
    with pytest.raises(InvalidUrl, match="smtps: is TLS"):
        endpoints(parse_target(f"smtps://h?tls={query}"), port=None, tls="auto")


def test_the_danger_shows_its_name() -> None:
    """In a repr too."""
    assert repr(INSECURE_PLAINTEXT) == "INSECURE_PLAINTEXT"
    assert str(Endpoint("h", 25, INSECURE_PLAINTEXT)) == "h port 25"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mode": INSECURE_PLAINTEXT}, "secures a session"),
        ({"mode": "ssl"}, "not a way to secure"),
        ({"mode": None}, "not a way to secure"),
        ({"min_version": "1.1"}, "least version is 1.2 or 1.3"),
        ({"min_version": 1.2}, "least version is 1.2 or 1.3"),
        ({"context": ssl.create_default_context(), "ca": b"x"}, "both say the same"),
        ({"context": ssl.create_default_context(), "ciphers": "ECDHE"}, "both say the same"),
        ({"context": ssl.create_default_context(), "cert": ("a", "b")}, "both say the same"),
        ({"context": ssl.create_default_context(), "min_version": "1.3"}, "both say the same"),
        ({"cert": 7}, "cert="),
    ],
)
def test_what_makes_no_tls(options: dict[str, Any], told: str) -> None:
    """It is refused where it is written, as an InputError of the options."""
    with pytest.raises(InputError, match=told) as caught:
        TLS(**options)

    assert caught.value.phase == "options"


def test_a_tls_is_a_value() -> None:
    """Frozen, equal to its equal, and silent about the password of its key."""
    tls = TLS("implicit", cert=("cert.pem", "key.pem", "open sesame"))

    assert tls == TLS("implicit", cert=("cert.pem", "key.pem", "open sesame"))
    assert "sesame" not in repr(tls) + repr(tls.cert)
    with pytest.raises(AttributeError):
        tls.mode = "starttls"  # type: ignore[misc]
