from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.message.headers import SECTION_LIMIT, fields, header, header_section, measure, shown, subject

CONTENT = (
    b"Received: from a\r\n\tby b\r\nreceived: from c\r\nSubject: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=\r\n"
    b"SUBJECT: another\r\n__proto__: x\r\nconstructor:\r\nX:y\r\n\r\nSubject: in the body\r\n"
)


@pytest.mark.parametrize(
    "content, section",
    [
        (b"", b""),
        (b"\r\nbody\r\n", b""),
        (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n"),
        (b"A: b\r\n", b"A: b\r\n"),
        (b"A: b\r\nC: d\r\n\r\n", b"A: b\r\nC: d\r\n"),
    ],
)
def test_the_section_ends_before_the_empty_line(content: bytes, section: bytes) -> None:
    """With or without a body (S44)."""
    assert header_section(content) == section


def test_fields_are_read_in_order() -> None:
    """Lower-case names, unfolded values; names that are special elsewhere are data (S44)."""
    assert list(fields(CONTENT)) == [
        ("received", b"from a\tby b"),
        ("received", b"from c"),
        ("subject", b"=?utf-8?q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe?="),
        ("subject", b"another"),
        ("__proto__", b"x"),
        ("constructor", b""),
        ("x", b"y"),
    ]


def test_one_field_is_found() -> None:
    """The first of its name, in any case; never in the body."""
    assert header(CONTENT, "Subject") == b"=?utf-8?q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe?="
    assert header(CONTENT, "x") == b"y"
    assert header(CONTENT, "To") is None
    assert header(b"A: b\r\n\r\nTo: c\r\n", "To") is None


def test_the_subject_is_shown() -> None:
    """Encoded words read."""
    assert subject(CONTENT) == "Grüße"
    assert subject(b"A: b\r\n\r\n") == ""


@pytest.mark.parametrize(
    "value, text",
    [
        (b"=?utf-8?q?a=0D=0ABcc=3A_e=40x?=", "a\\x0d\\x0aBcc: e@x"),
        (b"\x1b[2J", "\\x1b[2J"),
        (b"\xff\xc3\xbc", "\\xffü"),
        ("\u202etxt".encode(), "\\u202etxt"),
        (b"x" * 3000, "x" * 511 + "…"),
    ],
)
def test_hostile_values_are_shown_escaped(value: bytes, text: str) -> None:
    """Nothing that moves a cursor or a word, and not too much of it (E09)."""
    assert shown(value) == text


def test_a_section_is_measured() -> None:
    """Octets, lines and hops."""
    result = measure(CONTENT)
    end = CONTENT.index(b"\r\n\r\n") + 2

    assert (result.octets, result.lines, result.hops) == (end, CONTENT.count(b"\r\n", 0, end), 2)


def test_an_absurd_section_is_not_read_to_its_end() -> None:
    """A mebibyte in one line, or many fields, is seen as that (S44)."""
    assert measure(b"A: " + b"x" * 2 * SECTION_LIMIT + b"\r\n\r\n").octets > SECTION_LIMIT
    assert measure(b"A:\r\n" * 10_001 + b"\r\n").lines == 10_001
    assert measure(b"Received: x\r\n" * 100).hops == 100


@pytest.mark.parametrize("value", [b"a " * 250_000, b"a\r\n " * 125_000, b"=?utf-8?q?a?= " * 35_000, b"(" * 500_000])
def test_half_a_megabyte_of_subject_is_shown_at_once(value: bytes) -> None:
    """What takes the standard library seconds (E13)."""
    content = b"Subject: " + value + b"\r\n\r\n"
    started = time.process_time()

    assert len(subject(content)) <= 512
    assert time.process_time() - started < 0.5


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b"B:", b" ", b"\t", b":", b"\xff", b"\0"])).map(b"".join))
def test_anything_is_read(content: bytes) -> None:
    """Content that nobody validated does not raise."""
    assert len(list(fields(content))) <= measure(content).lines + 1
    assert subject(content).isprintable()
