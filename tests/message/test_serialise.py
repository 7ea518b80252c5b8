from __future__ import annotations

import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.content import octets_of
from mailward.message.headers import fields, header
from mailward.message.serialise import serialise, wire_policy

SIGNED = (
    b'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"; micalg=pgp-sha256\r\n\r\n'
    b"--b\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n\xc3\xbc\r\n"
    b"--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
)


def serialised(message: Message[Any, Any]) -> bytes:
    return serialise(message, eight_bit=False)


def with_header(message: Message[Any, Any], name: str, value: object) -> Message[Any, Any]:
    message[name] = value
    message.set_payload("")
    return message


@pytest.mark.parametrize(
    "value, written",
    [
        ("a@b.test", b"a@b.test"),
        ("John Q. Public <j@x.test>", b'"John Q. Public" <j@x.test>'),
        ('"a b"@x.test', b'"a b"@x.test'),
        ("a@b.test,, c@d.test,", b"a@b.test, c@d.test"),
        ("undisclosed-recipients:;", b"undisclosed-recipients: ;"),
        ("g: a@b.test, C <c@d.test>;", b"g: a@b.test, C <c@d.test>;"),
        ("ann@bücher.example", b"ann@xn--bcher-kva.example"),
        ("Änn <ünn@x.test>", "=?utf-8?q?=C3=84nn?= <ünn@x.test>".encode()),
        # the standard library of 3.11 writes this one as two recipients
        ("=?utf-8?q?evil=40x=2Etest=2C_b?= <a@b.test>", b'"evil@x.test, b" <a@b.test>'),
    ],
)
def test_address_headers_are_written_by_us(value: str, written: bytes) -> None:
    """Names quoted or encoded, domains as A-labels, local parts as they are."""
    assert header(serialised(with_header(EmailMessage(), "To", value)), "To") == written


@pytest.mark.parametrize(
    "value",
    [
        "alice@example.org)bob@evil.com",
        "alice@example.org]<bob@evil.com>",
        "a@b.test <d@e.test>",
        "a@b.test d@e.test",
        "foo <a@b.test> bar",
        "a@b.test; c@d.test",
        "<@relay.test:user@example.test>",
        "a b@c.test",
        "a(x)b@c.test",
        '"a@b.test',
        "<a@b.test",
        "a@b.test>, <c@d.test",
        "a@@b.test",
        "a@b.test\0",
        "=?utf-8?q?a=40b=2Etest=2C?=@c.test",
        '"=?utf-8?q?evil=40x=2Etest=2C_b?=" <a@b.test>',
        "(x",
        "nobody",
    ],
)
@pytest.mark.parametrize("name", ["To", "Cc", "Bcc", "From", "Reply-To", "Resent-To"])
def test_ambiguous_addresses_are_refused(name: str, value: str) -> None:
    """The standard library keeps one address of these and drops the rest; its own notes give it away (E07)."""
    with pytest.raises(InputError):
        serialised(with_header(EmailMessage(), name, value))


@pytest.mark.parametrize("kind", [EmailMessage, Message])
@pytest.mark.parametrize("name", ["X\r\nBcc: e@x.test\r\nY", "Bcc: e\nX", "", "X Y", "X:", "X\0", "Ä"])
def test_bad_names_are_refused(kind: type[Message[Any, Any]], name: str) -> None:
    """Both kinds of message would write them (E08)."""
    with pytest.raises(InvalidMessage):
        serialised(with_header(kind(), name, "v"))


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nBcc: e@x.test",
        "a\nBcc: e@x.test",
        "a\rBcc: e@x.test",
        "a\0",
        "a\x1b",
        "a\x85",
        "a\u2028b",
        "a\r\n\r\nbody",
        "a\n",
    ],
)
def test_bad_values_are_refused(value: str) -> None:
    """Message keeps line breaks that EmailMessage refuses; NUL and ESC are taken by both (E08)."""
    with pytest.raises(InvalidMessage):
        serialised(with_header(Message(), "X", value))
    with pytest.raises(ValueError):  # noqa: PT011  # the standard library's own, or ours
        serialised(with_header(EmailMessage(), "X", value))


@pytest.mark.parametrize("kind", [EmailMessage, Message])
def test_encoded_line_breaks_are_refused(kind: type[Message[Any, Any]]) -> None:
    """A subject copied from hostile mail; the standard library of 3.11 writes its Bcc as a header (E09)."""
    with pytest.raises(InvalidMessage, match=r"U\+000D"):
        serialised(with_header(kind(), "Subject", "=?utf-8?q?a=0D=0ABcc=3A_e=40x?="))


def test_what_looks_encoded_is_encoded_again() -> None:
    """Decoded by the standard library, it must show as its author saw it."""
    message = with_header(EmailMessage(), "Subject", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=")

    assert header(serialised(message), "Subject") == b"=?utf-8?b?PT91dGYtOD9xP3g/PQ==?="


def test_file_names_stay_in_their_header() -> None:
    """Quotes, line breaks and letters beyond ASCII in a file name (E08)."""
    hostile = Message()
    hostile.add_header("Content-Disposition", "attachment", filename='a"\r\nX: y')
    message = EmailMessage()
    message.set_content("x")
    message.add_attachment(b"\xff", maintype="application", subtype="octet-stream", filename='ü" ; x="y.bin')

    with pytest.raises(InvalidMessage):
        serialised(hostile)
    parsed = message_from_bytes(serialised(message), policy=policy.default)
    assert [part.get_filename() for part in parsed.iter_attachments()] == ['ü" ; x="y.bin']


def test_headers_of_parts_are_checked_too() -> None:
    """An injection into an attachment is one too."""
    message = MIMEMultipart()
    part = MIMEText("x")
    part["X"] = "a\nContent-Type: text/html"
    message.attach(part)

    with pytest.raises(InvalidMessage, match="header X"):
        serialised(message)


@pytest.mark.parametrize("value", ["<mailto:x@y.test> (a) b)", "<https://x.test> (a", "a)(b"])
def test_comments_of_list_fields_must_close(value: str) -> None:
    """A bracket too many would end a comment elsewhere (E08)."""
    for kind in (EmailMessage, Message):
        with pytest.raises(InvalidMessage, match="brackets"):
            serialised(with_header(kind(), "List-Help", value))

    good = '<https://x.test/(> (help (here)), ")" <x:y>'
    assert header(serialised(with_header(Message(), "List-Help", good)), "List-Help") == good.encode()


def test_header_objects_of_the_old_interface_are_encoded() -> None:
    """email.header.Header, in text and in addresses."""
    message = Message()
    with_header(message, "Subject", Header("Grüße", "utf-8"))
    with_header(message, "To", Header("Änn <ann@bücher.example>", "utf-8"))

    assert list(fields(serialised(message))) == [
        ("subject", b"=?utf-8?b?R3LDvMOfZQ==?="),
        ("to", b"=?utf-8?q?=C3=84nn?= <ann@xn--bcher-kva.example>"),
    ]


def test_parsed_headers_stay_as_they_were() -> None:
    """Folds, comments and encodings of a message that was read are kept."""
    octets = (
        b"To: ann@example.test (Ann),\r\n\tb@c.test\r\nSubject: =?iso-8859-1?q?Gr=FC?=\r\n  =?iso-8859-1?q?=DFe?=\r\n"
        b"References: <" + b"a" * 90 + b"@x.test>\r\n\r\nx\r\n"
    )

    for chosen in (policy.default, policy.compat32):
        assert serialised(message_from_bytes(octets, policy=chosen)) == octets


def test_raw_octets_in_a_header() -> None:
    """UTF-8 is encoded; what is not UTF-8 is refused, for nobody knows what it says."""
    for chosen in (policy.default, policy.compat32):
        good = message_from_bytes("Subject: Grüße\r\nTo: Änn <a@b.test>\r\n\r\n".encode(), policy=chosen)
        bad = message_from_bytes(b"Subject: Gr\xfc\xdfe\r\n\r\n", policy=chosen)

        assert header(serialised(good), "Subject") == b"=?utf-8?b?R3LDvMOfZQ==?="
        assert header(serialised(good), "To") == b"=?utf-8?q?=C3=84nn?= <a@b.test>"
        with pytest.raises(InvalidMessage, match="neither text nor UTF-8"):
            serialised(bad)


def test_long_header_lines_are_folded() -> None:
    """A list that the old interface would write as one line."""
    addresses = ", ".join(f"user{number}@example.test" for number in range(100))
    octets = serialised(with_header(Message(), "To", addresses))

    assert max(map(len, octets.split(b"\r\n"))) <= 78
    assert header(octets, "To") == addresses.encode()


def test_parameters_are_written_by_rfc_2231() -> None:
    """A raw file name beyond ASCII."""
    message = with_header(Message(), "Content-Disposition", 'attachment; filename="ü.txt"')
    parsed = message_from_bytes(serialised(message), policy=policy.default)

    assert serialised(message).isascii()
    assert parsed.get_filename() == "ü.txt"


def test_signed_parts_are_not_touched() -> None:
    """Encoding them would break the signature; the server must take eight bits then."""
    message = message_from_bytes(SIGNED, policy=policy.default)

    assert serialised(message) == SIGNED


def test_parts_are_encoded_on_a_copy() -> None:
    """Only the part that needs it, and the caller keeps the message as it was."""
    message = MIMEMultipart()
    message.attach(MIMEText("plain", "plain", "us-ascii"))
    message.attach(MIMEText("x" * 1000, "plain", "us-ascii"))
    before = message.as_bytes()
    parsed = message_from_bytes(serialised(message), policy=policy.default)

    assert [part["Content-Transfer-Encoding"] for part in parsed.iter_parts()] == ["7bit", "quoted-printable"]
    assert [part.get_content() for part in parsed.iter_parts()] == ["plain", "x" * 1000]
    assert message.as_bytes() == before


@pytest.mark.parametrize("subtype", ["multipart/mixed", "message/partial"])
def test_parts_that_must_not_be_encoded_are_refused(subtype: str) -> None:
    """RFC 2045 §6.4 forbids it, so they cannot go out."""
    message = MIMEBase(*subtype.split("/"))
    message.set_payload("x" * 1000)

    with pytest.raises(InvalidMessage, match=subtype):
        serialised(message)


def test_text_without_a_charset_is_refused() -> None:
    """Nobody could read it."""
    message = Message()
    message["Content-Transfer-Encoding"] = "8bit"
    message.set_payload("Grüße")

    with pytest.raises(InvalidMessage, match="charset us-ascii did not encode"):
        serialised(message)


def test_a_header_object_that_folds_into_two_is_refused() -> None:
    """What the standard library makes of parameters is looked at before it goes out."""

    class Folded(str):
        __slots__ = ()
        defects = ()

        def fold(self, *, policy: object) -> str:
            return "Content-Type: text/plain\r\nBcc: e@x.test\r\n"

    with pytest.raises(InvalidMessage, match="would become another header"):
        serialised(with_header(Message(), "Content-Type", Folded("text/plain")))


def test_deep_messages_are_refused_without_recursion() -> None:
    """1,000 parts inside each other, or one inside itself, are an error like any other (S45)."""
    message = inner = MIMEMultipart()
    for _ in range(1000):
        part = MIMEMultipart()
        inner.attach(part)
        inner = part
    circle = MIMEMultipart()
    circle.attach(circle)

    for deep in (message, circle):
        with pytest.raises(InvalidMessage, match="nested deeper"):
            serialised(deep)


@pytest.mark.parametrize("name", ["Content-Type", "Content-Disposition"])
@pytest.mark.parametrize("reading", [policy.default, policy.compat32])
def test_thousands_of_parameters_are_refused(name: str, reading: policy.Policy[Any]) -> None:
    """E13: 5,000 of RFC 2231 cost the standard library a second each time it is asked for the type of a part."""
    value = "text/plain" + "".join(f";\r\n n*{number}*=%41" for number in range(5_000))
    message = message_from_bytes(f"From: a@b.c\r\n{name}: {value}\r\n\r\nx\r\n".encode(), policy=reading)
    begun = time.process_time()

    with pytest.raises(InvalidMessage, match="more than 300 parameters"):
        serialise(message, eight_bit=False)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "header",
    [
        "Subject: " + "\r\n ".join(["word " * 190] * 526),
        "Subject: " + "\r\n ".join(["=?utf-8?q?a=C3=BC?= " * 40] * 500),
        "To: " + "\r\n ".join(["(" * 90] * 10),
    ],
)
def test_heavy_headers_cost_little(header: str) -> None:
    """E13: 500 kB of subject (6.1 s to parse elsewhere), 20,000 encoded words (2.2 s), 900 comments."""
    message = message_from_bytes(f"From: a@b.c\r\n{header}\r\n\r\nx\r\n".encode(), policy=policy.default)
    begun = time.process_time()

    assert serialise(message, eight_bit=False).endswith(b"\r\n\r\nx\r\n")
    assert time.process_time() - begun < 1


def test_what_the_generator_cannot_write_is_refused() -> None:
    """Its errors come out as ours."""
    message, nothing = EmailMessage(), cast(EmailMessage, "no part")
    message.attach(nothing)
    message["Content-Type"] = "multipart/mixed"

    with pytest.raises(InvalidMessage, match="cannot be serialised: AttributeError"):
        serialised(message)
    with pytest.raises(InvalidMessage, match="cannot be serialised"):
        octets_of(nothing)


def test_our_policy_checks_when_a_header_is_set() -> None:
    """A composed message stays safe in the hands of its owner."""
    message = EmailMessage(policy=wire_policy())
    message["Subject"] = "Grüße"
    message["X"] = "a\r\n b"

    with_header(message, "Date", datetime(2025, 11, 24, tzinfo=UTC))

    assert message["Subject"] == "Grüße"
    assert message["X"] == "a b"
    assert bytes(message) == (
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nX: a\r\n b\r\nDate: Mon, 24 Nov 2025 00:00:00 +0000\r\n\r\n"
    )
    for name, value in (("X", "a\r\nBcc: e@x.test"), ("X Y", "a"), ("X", "a\0")):
        with pytest.raises(InvalidMessage):
            message[name] = value


_pieces = st.sampled_from(
    [
        "a@b.test",
        "Ann",
        "Ä",
        "<",
        ">",
        ",",
        '"',
        "(",
        ")",
        ":",
        ";",
        "@",
        " ",
        "\\",
        "=?utf-8?q?=2C_=40?=",
        "\r\n",
        "\n ",
        ".",
    ]
)


@given(st.sampled_from(["To", "Subject", "X"]), st.lists(_pieces, max_size=8).map("".join))
def test_one_header_in_one_header_out(name: str, value: str) -> None:
    """Whatever a value is, it is refused or it is one field of that name."""
    for kind in (EmailMessage, Message):
        try:
            octets = octets_of(with_header(kind(), name, value))
        except (InvalidAddress, InvalidMessage, ValueError):
            continue
        assert [found for found, _ in fields(octets)] == [name.lower()]
