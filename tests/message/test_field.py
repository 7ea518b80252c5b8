from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.address_list import Address, Group
from mailward.message.encoded_word import decode_words
from mailward.message.field import (
    address_text,
    check_name,
    check_value,
    display_name,
    field,
    fold,
    source_lines,
    unstructured,
)
from mailward.wire.address import Mailbox

_words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=30)
_lines = st.lists(_words, min_size=1, max_size=30).map(" ".join)


@pytest.mark.parametrize("name", ["Subject", "X-a_b", "!", "~", "__proto__", "constructor"])
def test_visible_ascii_is_a_name(name: str) -> None:
    """Anything of RFC 5322 §3.6.8."""
    check_name(name)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nBcc: e@x.test\r\nY", "Bcc: e\nX", "X\0", "Ä", "X\t", "X\n"])
def test_other_names_are_refused(name: str) -> None:
    """No name brings a second header (E08)."""
    with pytest.raises(InvalidMessage):
        check_name(name)


@pytest.mark.parametrize("character", ["\0", "\n", "\r", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    """The error names the code point and its place (E08)."""
    with pytest.raises(InvalidMessage, match=rf"header Subject: U\+{ord(character):04X} at character 2 "):
        check_value("Subject", f"a{character}b")


def test_tabs_and_joiners_are_text() -> None:
    """A family emoji holds format characters, and a tab is white space."""
    check_value("Subject", "a\tb \U0001f468\u200d\U0001f469\u200d\U0001f467")


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_folded_values_have_lines(ending: str) -> None:
    """A line that begins with white space belongs to the value."""
    assert source_lines("To", f"a,{ending} b,{ending}\tc") == ["a,", " b,", "\tc"]


@pytest.mark.parametrize("value", ["a\r\nBcc: e@x.test", "a\n", "a\r\n\r\nbody", "a\n \nBcc: x", "a\n \n b", "a\rb"])
def test_lines_of_their_own_are_refused(value: str) -> None:
    """Neither a further header nor the end of the header section comes out of a value."""
    with pytest.raises(InvalidMessage, match="line 2 of its value would not belong to it"):
        source_lines("To", value)


@pytest.mark.parametrize(
    "text, value",
    [
        ("", ""),
        ("plain  text", "plain  text"),
        ("Grüße an Ann", "=?utf-8?b?R3LDvMOfZQ==?= an Ann"),
        ("ä ö b", "=?utf-8?b?w6Qgw7Y=?= b"),
        ("see =?utf-8?q?x?=", "see =?utf-8?b?PT91dGYtOD9xP3g/PQ==?="),
        ("<a@b.test> ü", "<a@b.test> =?utf-8?b?w7w=?="),
    ],
)
def test_only_what_must_be_is_encoded(text: str, value: str) -> None:
    """Other words stay readable; what looks encoded is encoded, so that it shows as it was given (E09)."""
    assert unstructured(text) == value


@given(_lines)
def test_unstructured_text_survives(text: str) -> None:
    """It is ASCII, it folds, and it reads back."""
    value = fold("Subject", unstructured(text))

    assert value.isascii()
    assert decode_words(value.replace("\r\n", "")).split() == text.split()


@pytest.mark.parametrize(
    "name, phrase",
    [
        ("Ann", "Ann"),
        ("Ann Public", "Ann Public"),
        ("Ann Q. Public", '"Ann Q. Public"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("Public, Ann", '"Public, Ann"'),
        ("Änn", "=?utf-8?q?=C3=84nn?="),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?="),
    ],
)
def test_display_names(name: str, phrase: str) -> None:
    """As atoms, as a quoted string, or as encoded words (RFC 2047 §5 (3))."""
    assert display_name(name) == phrase


def test_display_names_with_line_breaks_are_refused() -> None:
    """Not even encoded: their reader would have to be trusted."""
    with pytest.raises(InvalidMessage):
        display_name("a\r\nBcc: e@x.test")


def test_addresses_are_written() -> None:
    """Names, bare mailboxes, groups; UTF-8 only where a local part has it."""
    bob = Address(Mailbox("bob", "example.test"), "Bob")
    odd = Address(Mailbox("ü b", "xn--bcher-kva.example"))

    assert address_text((bob, odd)) == 'Bob <bob@example.test>, "ü b"@xn--bcher-kva.example'
    assert address_text((Group("g, h", (bob,)), odd)).startswith('"g, h": Bob <bob@example.test>;, ')


def test_long_values_fold_before_white_space() -> None:
    """At 78 octets, the white space kept."""
    value = fold("To", ", ".join(f"user{number}@example.test" for number in range(9)))

    assert all(len(line) <= 78 for line in f"To: {value}".split("\r\n"))
    assert re.sub(r"\r\n(?=[ \t])", "", value) == ", ".join(f"user{number}@example.test" for number in range(9))


def test_a_long_first_word_goes_to_the_next_line_if_it_fits_there() -> None:
    """And stays on the first line if it fits nowhere."""
    assert field("Message-ID", fold("Message-ID", "x" * 70)) == f"Message-ID:\r\n {'x' * 70}\r\n"
    assert field("Message-ID", fold("Message-ID", "x" * 80)) == f"Message-ID: {'x' * 80}\r\n"


def test_what_cannot_be_folded_is_refused() -> None:
    """No line of more than 998 octets goes out."""
    fold("X", "x" * 995)
    with pytest.raises(InvalidMessage, match="no place to fold"):
        fold("X", "x" * 996)


@given(st.sampled_from(["To", "Subject", "X-Very-Long-Header-Name-Indeed"]), _lines)
def test_folding_changes_nothing_but_line_breaks(name: str, text: str) -> None:
    """Unfolded, the value is what it was; no line is empty; none is too long."""
    folded = fold(name, text)
    lines = field(name, folded).removesuffix("\r\n").split("\r\n")

    assert folded.replace("\r\n", "").strip() == text
    assert all(line.strip() for line in lines)
    assert all(line[0] in " \t" for line in lines[1:])
    assert all(len(line.encode()) <= 998 for line in lines)
