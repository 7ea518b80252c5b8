from __future__ import annotations

import re
import time
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.content import content_of, needs_8bit, needs_smtputf8_headers, octets_of
from mailward.message.headers import fields

HEADER = b"From: ann@example.test\r\nTo: bob@example.test\r\n"


@pytest.mark.parametrize(
    "body, result",
    [
        (b"", b""),
        (b"text", b"text\r\n"),
        (b"unix\nlines\n", b"unix\r\nlines\r\n"),
        (b"bare \r and \n both", b"bare \r\n and \r\n both\r\n"),
        (b"a\r\n.\r\n.b\r\n", b"a\r\n.\r\n.b\r\n"),
        (b"a\n.\nMAIL FROM:<x>\r\n", b"a\r\n.\r\nMAIL FROM:<x>\r\n"),
        (b"a\r.\r\nb", b"a\r\n.\r\nb\r\n"),
    ],
)
def test_every_line_break_becomes_crlf(body: bytes, result: bytes) -> None:
    """And the last line gets one; nothing else of the octets changes (E10)."""
    assert content_of(HEADER + b"\r\n" + body) == HEADER + b"\r\n" + result


def test_a_file_of_another_system_is_taken() -> None:
    """All LF, or all CR."""
    assert content_of(b"A: b\nC: d\n e\n\nf\n") == b"A: b\r\nC: d\r\n e\r\n\r\nf\r\n"
    assert content_of(b"A: b\rC: d\r\rf\r") == b"A: b\r\nC: d\r\n\r\nf\r\n"


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: a\rBcc: e@x.test\r\n",
        b"Subject: a\rBcc: e@x.test\n",
        b"A: b\n\r\rbody",
        b"A: b\r\r\nBcc: e@x.test\r\n",
    ],
)
def test_a_bare_cr_in_a_header_is_refused(header: bytes) -> None:
    """Among other line breaks it is somebody's injection."""
    with pytest.raises(InvalidMessage, match="bare CR at octet"):
        content_of(header)


@pytest.mark.parametrize(
    "name",
    ["Bcc", "BCC", "bcc", "Resent-Bcc", "resent-BCC"],
)
@pytest.mark.parametrize("value", [": e@x.test", ":", ":\r\n\te@x.test,\r\n f@x.test", ": e@x.test\r\n \r\n\tz"])
def test_bcc_goes_and_all_else_stays(name: str, value: str) -> None:
    """Wherever it stands, folded or not, whatever its case."""
    bcc = f"{name}{value}\r\n".encode()
    body = b"\r\nBcc: in the body\r\n"
    for content in (bcc + HEADER + body, HEADER + bcc + body, bcc + HEADER + bcc + body, HEADER + bcc):
        assert content_of(content) == content.replace(bcc, b"")


def test_what_only_looks_like_bcc_stays() -> None:
    """Other names, and continuation lines."""
    content = b"X-Bcc: a\r\nSubject: b\r\n Bcc: c\r\nBcc-X: d\r\n\r\n"

    assert content_of(content) == content


def test_a_header_of_nothing_but_bcc() -> None:
    """The content is an empty line then."""
    assert content_of(b"Bcc: e@x.test\r\n") == b"\r\n"
    assert content_of(b"Bcc: e@x.test\r\n\r\nbody") == b"\r\nbody\r\n"


@pytest.mark.parametrize(
    "header, reason",
    [
        (b"X Y: z", "line 3 is no header field: X Y: z"),
        (b": z", "line 3 is no header field"),
        (b"no colon", "line 3 is no header field"),
        (b"Bcc : e@x.test", "line 3 is no header field"),
        (b"X\xc3\xa4: z", "line 3 is no header field"),
        (b"X\0: z", "line 3 is no header field"),
        (b"From ann@example.test Mon Nov 24", "line 3 is no header field"),
        (b"X: a\0b", "control character 0x00"),
        (b"X: a\x1bb", "control character 0x1B"),
        (b"X: a\r\n b\x7f", "control character 0x7F"),
        (b"X: " + b"a" * 1000, "longer than 998 octets"),
        (b"X: " + b"a\r\n " * 300_000, "1048576 octets"),
        (b"X:\r\n" * 10_001 + b"Y:", "10000 header fields"),
    ],
)
def test_a_bad_header_section_is_refused(header: bytes, reason: str) -> None:
    """Names, values and sizes, judged on the final octets (E08, S44)."""
    with pytest.raises(InvalidMessage, match=re.escape(reason)) as caught:
        content_of(HEADER + header + b"\r\n\r\nbody\r\n")

    assert str(caught.value).isprintable()


def test_other_octets_that_cannot_go_out_are_refused() -> None:
    """NUL, a body line of 999 octets, a continuation of nothing, nothing at all."""
    for content in (HEADER + b"\r\na\0b\r\n", HEADER + b"\r\n" + b"x" * 999, b" x\r\n" + HEADER, b""):
        with pytest.raises(InvalidMessage):
            content_of(content)

    assert content_of(HEADER + b"\r\n" + b"x" * 998) == HEADER + b"\r\n" + b"x" * 998 + b"\r\n"


def test_good_octets_are_not_even_copied() -> None:
    """Nothing to change, nothing changed."""
    content = HEADER + b"\r\nbody\r\n"

    assert content_of(content) is content


def test_a_mebibyte_takes_milliseconds() -> None:
    """The checks are a few passes of C."""
    content = HEADER + b"\r\n" + (b"x" * 76 + b"\r\n") * 13_443
    unix = content.replace(b"\r\n", b"\n")
    times = []
    for octets in (content, unix) * 3:
        started = time.perf_counter()
        content_of(octets)
        times.append(time.perf_counter() - started)

    assert min(times[::2]) < 0.02
    assert min(times[1::2]) < 0.06


_line_parts = st.sampled_from(
    [b"a", b".", b" ", b"\t", b":", b"Bcc:", b"To: ", b"\xc3\xbc", b"\r\n", b"\n", b"\r", b"\0"]
)


@given(st.lists(_line_parts, max_size=30).map(b"".join))
def test_content_has_one_reading(octets: bytes) -> None:
    """Whatever is taken has CRLF only, no Bcc, and is taken again unchanged; the Bcc is in `octets_of` still."""
    try:
        content = content_of(octets)
    except InvalidMessage:
        return
    whole = octets_of(octets)
    names = [name for name, _ in fields(whole)]

    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", content)
    assert content.endswith(b"\r\n")
    assert content_of(content) == content_of(whole) == content
    assert [name for name, _ in fields(content)] == [name for name in names if name != "bcc"]


def test_what_the_server_must_offer() -> None:
    """8BITMIME for any 8-bit octet, SMTPUTF8 for one in the header section."""
    plain, body = HEADER + b"\r\nx\r\n", HEADER + "\r\nü\r\n".encode()
    header = "Subject: ü\r\n\r\nx\r\n".encode()

    assert [needs_8bit(content) for content in (plain, body, header)] == [False, True, True]
    assert [needs_smtputf8_headers(content) for content in (plain, body, header)] == [False, False, True]


def _filled(message: Message[Any, Any]) -> Message[Any, Any]:
    message["From"] = "Ann <ann@example.test>"
    message["To"] = "bob@example.test"
    message["Bcc"] = "eve@example.test"
    message["Subject"] = "Grüße"
    return message


@pytest.mark.parametrize("message", [_filled(EmailMessage()), _filled(Message())], ids=["EmailMessage", "Message"])
def test_both_kinds_of_message_are_taken(message: Message[Any, Any]) -> None:
    """The same octets; Bcc only in `octets_of`, and still in the message."""
    message.set_payload("text\n")
    header = b"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\n"
    rest = b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\r\ntext\r\n"

    assert octets_of(message) == header + b"Bcc: eve@example.test\r\n" + rest
    assert content_of(message) == header + rest
    assert message["Bcc"] == "eve@example.test"


def test_eight_bits_only_when_asked() -> None:
    """UTF-8 bodies are encoded unless the caller knows of 8BITMIME; the caller's message stays as it is."""
    message = EmailMessage()
    message.set_content("Viele Grüße aus Köln, hier ist alles gut.\n", cte="8bit")

    assert not needs_8bit(content_of(message))
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in content_of(message)
    assert content_of(message, eight_bit=True).endswith(
        "\r\n\r\nViele Grüße aus Köln, hier ist alles gut.\r\n".encode()
    )
    assert message["Content-Transfer-Encoding"] == "8bit"


@pytest.mark.parametrize("eight_bit", [False, True])
def test_long_lines_are_encoded(eight_bit: bool) -> None:
    """Nothing over 998 octets goes out, and the text arrives (E10)."""
    message = Message()
    message.set_payload("x" * 100_000 + "\nend\n")
    content = content_of(message, eight_bit=eight_bit)

    assert max(map(len, content.split(b"\r\n"))) <= 76
    assert message_from_bytes(content, policy=policy.default).get_content() == "x" * 100_000 + "\r\nend\r\n"
