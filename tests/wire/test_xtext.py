"""xtext and its Unicode sister."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
from mailward.wire.xtext import from_utf8_xtext, from_xtext, utf8_xtext, xtext


def test_known_values() -> None:
    """The form of RFC 3461 §4 and RFC 6533 §3."""
    assert xtext("a+b=c d") == "a+2Bb+3Dc+20d"
    assert from_xtext("a+2Bb+3Dc+20d+41") == "a+b=c dA"
    assert utf8_xtext("ü\\=+ 寿") == r"\x{FC}\x{5C}\x{3D}\x{2B}\x{20}\x{5BFF}"
    assert from_utf8_xtext(r"\x{FC}ü\x{1F4A9}") == "üü\U0001f4a9"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_xtext_reads_back(value: str) -> None:
    """Printable ASCII survives, and no space, plus or equals sign is left bare."""
    assert from_xtext(xtext(value)) == value
    assert not set(" =") & set(xtext(value))


@given(st.text().filter(str.isprintable))
def test_utf8_xtext_reads_back(value: str) -> None:
    """Printable text survives, in ASCII."""
    assert from_utf8_xtext(utf8_xtext(value)) == value
    assert utf8_xtext(value).isascii()


@pytest.mark.parametrize("text", ["+0A", "+0a", "+", "+4", "a b", "a=b", "+FF", "ü", "\n"])
def test_what_is_no_xtext(text: str) -> None:
    """Broken armour, and armour around control characters."""
    with pytest.raises(InputError):
        from_xtext(text)


@pytest.mark.parametrize(
    "text", [r"\x{A}", r"\x{0A}", r"\x{fc}", r"\x{1FC", r"\x", "a b", "a+b", r"\x{D800}", r"\x{110000}"]
)
def test_what_is_no_utf8_xtext(text: str) -> None:
    """The same, with code points."""
    with pytest.raises(InputError):
        from_utf8_xtext(text)


@pytest.mark.parametrize("value", ["\r\n", "\0", "\x7f", "\u202e", "\ud800"])
def test_what_is_never_written(value: str) -> None:
    """Control characters are not hidden in armour, they are refused."""
    for write in (xtext, utf8_xtext):
        with pytest.raises(InputError):
            write(value)
