from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.message.encoded_word import decode_words, encode_words

_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(_text)
def test_what_we_encode_we_decode(text: str) -> None:
    """Any text survives."""
    assert decode_words(encode_words(text)) == text


@given(_text)
def test_words_keep_to_their_grammar(text: str) -> None:
    """At most 75 ASCII characters each, and each is whole characters (RFC 2047 §2, §5)."""
    for word in encode_words(text).split(" "):
        assert len(word) <= 75
        assert word.isascii()
        assert "\\x" not in decode_words(word) or "\\x" in text


@pytest.mark.parametrize(
    "text, word",
    [
        ("Grüße", "=?utf-8?b?R3LDvMOfZQ==?="),
        ("Gruß an Ann", "=?utf-8?q?Gru=C3=9F_an_Ann?="),
        ("日本", "=?utf-8?b?5pel5pys?="),
    ],
)
def test_the_shorter_encoding_is_chosen(text: str, word: str) -> None:
    """Q for mostly ASCII, B for the rest."""
    assert encode_words(text) == word


@pytest.mark.parametrize(
    "text, shown",
    [
        # RFC 2047 §8
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
        ("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>", "Patrik Fältström <paf@nada.kth.se>"),
        ("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        # a writer that splits a character
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        # best effort
        ("=?utf-8?q?=FF?=", "\\xff"),
        ("=?utf-8?b?YQ?=", "=?utf-8?b?YQ?="),
        ("=?x-unknown?q?a?=", "=?x-unknown?q?a?="),
        ("=?unicode_escape?q?=5Cx41?=", "=?unicode_escape?q?=5Cx41?="),
        ("=?iso-8859-99?q?a?=", "a"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        ("=?utf-8?q?a?", "=?utf-8?q?a?"),
        ("=?utf-8?q?a=0D=0ABcc=3A_e=40x?=", "a\r\nBcc: e@x"),
    ],
)
def test_words_are_read(text: str, shown: str) -> None:
    """The RFC's own table, and what is not quite right."""
    assert decode_words(text) == shown


@given(st.text("=?qbQB_utf-8 x/+\r\n", max_size=80))
def test_anything_is_read(text: str) -> None:
    """No exception comes out."""
    decode_words(text)


@pytest.mark.parametrize("unit", ["=?utf-8?q?a?= ", "=?", "=?utf-8?q?", "=?utf-8?b?YQ==?=", "=?a?q??=", "?=", "="])
def test_half_a_megabyte_is_read_at_once(unit: str) -> None:
    """20,000 encoded words are nothing (E13)."""
    started = time.process_time()

    decode_words(unit * (500_000 // len(unit)))

    assert time.process_time() - started < 2
