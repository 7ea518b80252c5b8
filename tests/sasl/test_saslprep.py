from __future__ import annotations

import pytest
import scramp.utils
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
from mailward.sasl.saslprep import MAX_NAME, MAX_PASSWORD, prepare, prepare_name, prepare_password

HIDDEN = "\x00\x01\n\r\x7f\x85\u200e\u202e\u2066\u2028\ue000\ufffd\ufdd0\U000e0041"


@pytest.mark.parametrize(
    "text, prepared",
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
    ],
)
def test_the_examples_of_rfc_4013_section_3(text: str, prepared: str) -> None:
    """The RFC's own table."""
    assert prepare(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031"])
def test_the_refused_examples_of_rfc_4013_section_3(text: str) -> None:
    """A control character, and right-to-left text that does not end right-to-left."""
    with pytest.raises(InputError):
        prepare(text)


def test_spaces_become_the_ascii_space_and_soft_hyphens_nothing() -> None:
    """RFC 4013 §2.1."""
    assert prepare("a\u00a0b\u3000c\u00ad\u200d") == "a b c"


def test_composed_and_decomposed_are_one() -> None:
    """RFC 4013 §2.2: a password typed on macOS and on Windows is the same password."""
    assert prepare("pa\u0308sswo\u0308rd") == prepare("p\u00e4ssw\u00f6rd") == "p\u00e4ssw\u00f6rd"


@pytest.mark.parametrize(
    "character",
    list("\x00\x1f\x7f\x80\u06dd\u180e\u2028\ue000\U000f0000\ufdd0\ufffe\ud800\ufff9\u2ff0\u200f\u202e\U000e0001"),
)
def test_prohibited_characters(character: str) -> None:
    """RFC 4013 §2.3, one of each table, stored or queried."""
    for stored in (True, False):
        with pytest.raises(InputError):
            prepare(f"a{character}b", stored=stored)


def test_code_points_newer_than_unicode_3_2_only_in_queries() -> None:
    """RFC 4013 §2.5."""
    assert prepare("\U0001f600", stored=False) == "\U0001f600"

    with pytest.raises(InputError, match="newer than Unicode"):
        prepare("\U0001f600")


@pytest.mark.parametrize("text", ["", "\u00ad", "\u200b\u2060"])
def test_nothing_left_is_refused(text: str) -> None:
    """RFC 4616 §2 and RFC 5802 §5.1: an empty result is a failure."""
    with pytest.raises(InputError, match="the password is empty"):
        prepare(text, what="password")


def test_right_to_left_names_are_fine() -> None:
    """RFC 4013 §2.4 forbids mixing, not Hebrew."""
    assert prepare("\u05d0\u05d1") == "\u05d0\u05d1"

    with pytest.raises(InputError, match="mixes"):
        prepare("\u05d0a\u05d1")


@given(st.text(max_size=40))
def test_preparing_twice_changes_nothing(text: str) -> None:
    """Whoever prepares a prepared text again finds the same, so stored and queried passwords meet."""
    try:
        once = prepare(text)
    except InputError:
        return

    assert prepare(once) == once


@given(st.text(min_size=1, max_size=40))
def test_oracle_scramp(text: str) -> None:
    """An independent SASLprep agrees, in result and in refusal (scramp lets an empty result through)."""
    try:
        expected = scramp.utils.saslprep(text) or None
    except scramp.utils.ScramException:
        expected = None
    try:
        prepared = prepare(text)
    except InputError:
        prepared = None

    assert prepared == expected


@pytest.mark.parametrize("character", list(HIDDEN))
def test_a_name_holds_nothing_that_cannot_be_seen(character: str) -> None:
    """Also what Unicode 3.2 did not know yet (U+2066), for names are shown to an operator."""
    with pytest.raises(InputError):
        prepare_name(f"ann{character}@example.test")


def test_one_spelling_of_a_name() -> None:
    """Full-width look-alikes, soft hyphens and zero-width spaces are the same account (S51)."""
    assert prepare_name("＂admin＂") == '"admin"'
    assert prepare_name("ad\u00admin\u200b") == "admin"


@pytest.mark.parametrize("name", ["admin ", " admin", "admin\u00a0", "admin\u3000"])
def test_no_space_around_a_name(name: str) -> None:
    """`admin ` is neither admin nor anybody else (S51)."""
    with pytest.raises(InputError, match="space"):
        prepare_name(name)


@pytest.mark.parametrize("name", ["a" * (MAX_NAME + 1), "ä" * MAX_NAME, "\ufdfa" * 100, "a" * 2**20])
def test_long_names(name: str) -> None:
    """256 octets, counted before and after preparing (U+FDFA becomes eighteen characters)."""
    with pytest.raises(InputError, match="longer than 256 octets"):
        prepare_name(name)


def test_the_longest_name_and_password() -> None:
    """The limits themselves are allowed."""
    assert prepare_name("a" * MAX_NAME) == "a" * MAX_NAME
    assert prepare_password("a" * MAX_PASSWORD) == "a" * MAX_PASSWORD


@pytest.mark.parametrize("password", ["a" * (MAX_PASSWORD + 1), "ä" * MAX_PASSWORD])
def test_long_passwords(password: str) -> None:
    """1024 octets."""
    with pytest.raises(InputError, match="longer than 1024 octets"):
        prepare_password(password)


@pytest.mark.parametrize("password", ["🦦 rows at nine 🚣", "\u2066isolated\u2069", "ｆｕｌｌ ｗｉｄｔｈ otters"])
def test_any_unicode_is_a_password(password: str) -> None:
    """NIST SP 800-63B-4 §3.1.1.2: characters that are newer than RFC 3454 too, in a spelling that does not change."""
    prepared = prepare_password(password)

    assert prepare_password(prepared) == prepared
    assert prepared.isascii() is password.startswith("ｆ")


@given(st.text(max_size=20), st.sampled_from(["\x07", "\u200e", "\ue000", "\ufffd"]))
def test_errors_show_nothing_of_the_password(text: str, hidden: str) -> None:
    """The message names the kind of character, never the text."""
    with pytest.raises(InputError) as caught:
        prepare_password(f"Zq{text}{hidden}Zq")

    assert "Zq" not in str(caught.value)
    assert caught.value.message.isascii()
