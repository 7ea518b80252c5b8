"""Host names and URLs: what they mean, and that a password in one is never repeated."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.url import Target, parse_target
from mailward.errors import InvalidUrl
from mailward.secret import Secret


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("smtp.example.org", Target("smtp.example.org")),
        ("SMTP.Example.ORG.", Target("smtp.example.org")),
        ("localhost:2525", Target("localhost", 2525)),
        ("mail_relay:25", Target("mail_relay", 25)),
        ("192.0.2.1", Target("192.0.2.1")),
        ("192.0.2.1:587", Target("192.0.2.1", 587)),
        ("2001:db8::1", Target("2001:db8::1")),
        ("::1", Target("::1")),
        ("[2001:db8::1]", Target("2001:db8::1")),
        ("[2001:db8::1]:465", Target("2001:db8::1", 465)),
        ("bücher.example", Target("xn--bcher-kva.example")),
        ("Bücher.Example.", Target("xn--bcher-kva.example")),
        ("faß.de", Target("xn--fa-hia.de")),
        ("XN--FA-HIA.de", Target("xn--fa-hia.de")),
        ("mail_relay.bücher.example", Target("mail_relay.xn--bcher-kva.example")),
        ("\u05d0\u05d1.example", Target("xn--4dbc.example")),
        ("smtp://127.0.0.1:2525", Target("127.0.0.1", 2525, "smtp")),
        ("SMTPS://smtp.example.org/", Target("smtp.example.org", None, "smtps")),
        ("smtp://h?", Target("h", None, "smtp")),
        ("smtp://h?tls=starttls", Target("h", None, "smtp", tls="starttls")),
        ("smtp://h:25?tls=insecure-plaintext", Target("h", 25, "smtp", tls="insecure-plaintext")),
        ("smtps://ann%40example.org@h", Target("h", None, "smtps", "ann@example.org")),
        ("smtps://ann:p%3Aa%2Fs%40s@[::1]:465", Target("::1", 465, "smtps", "ann", Secret("p:a/s@s"))),
        ("smtp://[fe80::1%25eth0]:25", Target("fe80::1%eth0", 25, "smtp")),
        ("fe80::1%eth0", Target("fe80::1%eth0")),
        ("lmtp://h", Target("h", None, "lmtp")),
        ("LMTP://127.0.0.1:24?tls=starttls", Target("127.0.0.1", 24, "lmtp", tls="starttls")),
        ("smtp+unix:///run/s", Target("localhost", None, "smtp+unix", path="/run/s")),
        ("lmtp+unix:///run/a%20b%3F/l", Target("localhost", None, "lmtp+unix", path="/run/a b?/l")),
        (
            "smtp+unix://ann:pw@/s?tls=implicit",
            Target("localhost", None, "smtp+unix", "ann", Secret("pw"), "implicit", "/s"),
        ),
        ("smtps://j%C3%BCrgen:%E2%82%AC@h", Target("h", None, "smtps", "jürgen", Secret("€"))),
    ],
)
def test_what_a_target_means(text: str, target: Target) -> None:
    """Every form that is accepted, taken apart."""
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a\r\nb",
        "a\0b",
        "a\u202eb",
        "host:",
        "host:0",
        "host:65536",
        "host:٢٥",
        "host:25:26",
        "ann@host",
        "-host",
        "host-",
        "a..b",
        ".a",
        "a" * 64,
        ".".join(["a" * 60] * 5),
        "[192.0.2.1]",
        "[::1",
        "[::1]x",
        "evil．com",
        "ﬀ.com",
        "evil。com",
        "evil\uff61com",
        "\u0130.com",
        "BÜCHER.example",
        "xn--a",
        "xn--a.de",
        "XN--.de",
        "a\u200db.example",
        "\u05d0a.example",
        "xn--fa-hia．de",
        "xn--a\u00fc",
        "http://host",
        "smtp:host",
        "smtp://",
        "smtp://host/path",
        "smtp://host#x",
        "smtp://host?tls=none",
        "smtp://host?tls=starttls&tls=auto",
        "smtp://host?ca=x",
        "smtp://@host",
        "lmtp://host/path",
        "smtps+unix:///s",
        "smtp+unix:/s",
        "smtp+unix://",
        "smtp+unix:///",
        "smtp+unix://host/s",
        "smtp+unix://host:25/s",
        "smtp+unix:///s#x",
        "smtp+unix:///a%0Ab",
        "smtp+unix:///a%00b",
        "smtp+unix:///" + "x" * 107,
        "smtp://:pw@host",
        "smtp://ann:@host",
        "smtp://a%4@host",
        "smtp://a%ff@host",
        "smtp://a%0d%0aRCPT@host",
        "smtp://a%00@host",
    ],
)
def test_what_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidUrl):
        parse_target(text)


@pytest.mark.parametrize(
    "url",
    [
        "smtps://ann:{}@host:x",
        "smtps://ann:{}@host/path",
        "smtps://ann:{}@host?x=y",
        "smtps://ann:{}@host#f",
        "smtps://ann:{}@ho st",
        "smtps://ann:{}@[host",
        "smtps://ann:{}",
        "smtps://ann:a@{}@host",
        "smtps://ann:a:{}@host",
        "smtps://ann:a/{}@host",
        "smtps://ann:a?{}@host",
        "smtps://ann:a#{}@host",
        "smtps://ann:{}%zz@host",
        "smtp+unix://ann:{}@host/s",
        "smtp+unix://ann:a:{}@/s",
        "smtp+unix://ann:{}@/",
        "ann:{}@host",
        "ann:{}@smtps://host",
        "http://ann:{}@host",
    ],
)
def test_no_error_repeats_the_password(url: str) -> None:
    """Wherever an unencoded character lets the password fall, it is not shown."""
    with pytest.raises(InvalidUrl) as caught:
        parse_target(url.format("hunter2secret"))

    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.advice} {caught.value.__cause__}"


def test_a_target_hides_its_password() -> None:
    """Its repr shows none either."""
    assert "hunter2" not in repr(parse_target("smtps://ann:hunter2@host"))


def test_the_protocol_is_the_schemes() -> None:
    """Where there is none, it is open."""
    schemes = {None: None, "smtp": "smtp", "smtps": "smtp", "smtp+unix": "smtp", "lmtp": "lmtp", "lmtp+unix": "lmtp"}

    assert {scheme: Target("h", scheme=scheme).protocol for scheme in schemes} == schemes


@given(st.text())
def test_any_text_is_a_target_or_refused(text: str) -> None:
    """No input raises anything else."""
    try:
        target = parse_target(text)
    except InvalidUrl:
        return
    assert target.host.isascii()
    assert target.port is None or 1 <= target.port <= 65535


@given(st.text(min_size=1), st.text(min_size=1))
def test_percent_encoding_round_trips(user: str, password: str) -> None:
    """What is encoded as RFC 3986 says comes out as it was, unless it has control characters."""
    try:
        url = f"smtps://{quote(user, safe='')}:{quote(password, safe='')}@host"
    except UnicodeEncodeError:
        return
    try:
        target = parse_target(url)
    except InvalidUrl:
        assert not (user + password).isprintable()
        return
    assert (target.user, target.password) == (user, Secret(password))


@pytest.mark.parametrize("text", ["::%::\ufffd", "[::1%a b]:25", "[fe80::1%]:25", "smtp://[::1%eth0/x]:25"])
def test_a_zone_is_a_name_of_an_interface(text: str) -> None:
    """What follows the % of an IPv6 address goes to the system: letters, digits, dot, hyphen and underscore only."""
    with pytest.raises(InvalidUrl):
        parse_target(text)

    assert parse_target("[fe80::1%eth0]:25").host == "fe80::1%eth0"
