from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidAddress
from mailward.message.address_list import (
    Address,
    Group,
    flat,
    parse_address,
    parse_address_list,
    parse_mailboxes,
)
from mailward.message.field import address_text
from mailward.wire.address import Mailbox

ANN = Mailbox("ann", "example.test")
BOB = Mailbox("bob", "example.test")


@pytest.mark.parametrize(
    "value, entries",
    [
        (b"", ()),
        (b"ann@example.test", (Address(ANN),)),
        (b"<ann@example.test>", (Address(ANN),)),
        (b"Ann <ann@example.test>", (Address(ANN, "Ann"),)),
        (b"Ann Q. Public <ann@example.test>", (Address(ANN, "Ann Q. Public"),)),
        (b'"Public, Ann \\"Q\\"" <ann@example.test>', (Address(ANN, 'Public, Ann "Q"'),)),
        (b'"ann@example.org" <ann@example.test>', (Address(ANN, "ann@example.org"),)),
        (b'The "Big" One <ann@example.test>', (Address(ANN, "The Big One"),)),
        (b"=?utf-8?q?=C3=84nn?= =?utf-8?b?w5w=?= Q. <ann@example.test>", (Address(ANN, "ÄnnÜ Q."),)),
        (b'"=?utf-8?q?x?=" <ann@example.test>', (Address(ANN, "=?utf-8?q?x?="),)),
        ("Änn <ann@example.test>".encode(), (Address(ANN, "Änn"),)),
        (b"ann@example.test, Bob <bob@example.test>", (Address(ANN), Address(BOB, "Bob"))),
        (b"ann@example.test,,bob@example.test,", (Address(ANN), Address(BOB))),
        (b"\r\n ann@example.test,\r\n\tbob@example.test", (Address(ANN), Address(BOB))),
        (b"(a) ann (b) @ (c) example.test (d (e\\)) f)", (Address(ANN),)),
        (b"(only a comment)", ()),
        (b'"a b"@example.test', (Address(Mailbox("a b", "example.test")),)),
        (b'"victim@gmail.com x"@internal.domain', (Address(Mailbox("victim@gmail.com x", "internal.domain")),)),
        (b"ann@[192.0.2.1]", (Address(Mailbox("ann", "[192.0.2.1]")),)),
        ("ünn@bücher.example".encode(), (Address(Mailbox("ünn", "xn--bcher-kva.example")),)),
        (b"undisclosed-recipients:;", (Group("undisclosed-recipients"),)),
        (
            b'A "group": Ann <ann@example.test>, bob@example.test ; , ann@example.test',
            (Group("A group", (Address(ANN, "Ann"), Address(BOB))), Address(ANN)),
        ),
        (b"=?utf-8?q?g?=:,ann@example.test,;", (Group("g", (Address(ANN),)),)),
    ],
)
def test_what_has_one_reading_is_read(value: bytes, entries: tuple[Address | Group, ...]) -> None:
    """Display names, comments, groups, quoted strings, literals, folds and empty elements."""
    assert parse_address_list(value) == entries


@pytest.mark.parametrize(
    "value",
    [
        # E01, E04: line breaks, NUL and other control characters
        "a@b.test\r\nRCPT TO:<x@y.test>",
        "a@b.test\nx",
        "a@b.test\r",
        "a@b.test\0",
        "a@b.test\x0b",
        "a@b.test\x7f",
        "a@b.test\x85",
        "a@b.test\u2028",
        "a\udcff@b.test",
        '"a\r\nRCPT TO:<e@x.test>\r\n"@c.test',
        '"a\\\r\n"@c.test',
        "(a\0)ann@example.test",
        '"a\0" <ann@example.test>',
        "x\u760d\u760aRCPT TO:<e@x.test>@b.test",
        # E02: what others truncate
        "a@b.test> SIZE=1",
        "a@",
        "@b.test",
        "a@b.test@c.test",
        "a@@b.test",
        "a",
        "a.@b.test",
        ".a@b.test",
        "a..b@c.test",
        "a@b.test.",
        # E07: two readers, two recipients
        "alice@example.org)bob@evil.com",
        "alice@example.org]<bob@evil.com>",
        "a@b.test <d@e.test>",
        "a@b.test d@e.test",
        "foo <a@b.test> bar",
        "<a@b.test><c@d.test>",
        "<<a@b.test>>",
        "<a@b.test",
        "a@b.test>",
        "a@b.test>, <c@d.test",
        "a b@c.test",
        "a(x)b@c.test",
        "a@b(x)c.test",
        "a. b@c.test",
        "a @b. test",
        '"a"b@c.test',
        '"a".b@c.test',
        '"a@b.test',
        "a@[192.0.2.1",
        "[a]@b.test",
        "[192.0.2.1] <a@b.test>",
        "<@relay.test:user@example.test>",
        "<@relay.test,@other.test:user@example.test>",
        "a@b.test; c@d.test",
        "a:b:c@d.test;;",
        "a: b@c.test",
        ": b@c.test;",
        "g: h: a@b.test;;",
        "a;",
        "=?utf-8?q?a=40b=2Etest=2C?=@c.test",
        "=?utf-8?q?a,_b?= <a@b.test>",
        "a\\b@c.test",
        # an end inside a comment
        "(ann@example.test",
        "ann@example.test (",
        "ann@example.test )",
        "ann@example.test (\\",
    ],
)
def test_what_has_two_readings_is_refused(value: str) -> None:
    """RFC 5322's obsolete forms and every known way to smuggle an address past a parser."""
    with pytest.raises(InvalidAddress) as caught:
        parse_address_list(value)

    assert str(caught.value).isprintable()


def test_octets_that_are_not_utf_8_are_refused() -> None:
    """An address in an unknown charset is no address."""
    with pytest.raises(InvalidAddress, match="octet 2 of the address list is not UTF-8"):
        parse_address_list(b"a\xff@example.test")


def test_the_error_names_the_code_point_and_its_place() -> None:
    """What is wrong, and where."""
    with pytest.raises(InvalidAddress, match=r"U\+0029 at character 18 .*near: alice@example\.org\)bob@evil\.com"):
        parse_address_list("alice@example.org)bob@evil.com")


def test_semicolons_are_explained() -> None:
    """The separator of another program gets advice."""
    with pytest.raises(InvalidAddress) as caught:
        parse_address_list("a@b.test; c@d.test")

    assert caught.value.advice == "separate addresses with commas"


def test_deep_comments_are_refused_without_recursion() -> None:
    """900 brackets are an error like any other (E13)."""
    with pytest.raises(InvalidAddress, match="nested deeper than 16"):
        parse_address_list(b"(" * 900 + b")" * 900 + b"ann@example.test")

    assert parse_mailboxes(b"(" * 16 + b")" * 16 + b"ann@example.test") == (ANN,)


def _seconds(value: bytes) -> float:
    """Of processor time, whatever else the machine does."""
    started = time.process_time()
    with suppress(InvalidAddress):
        parse_address_list(value)
    return time.process_time() - started


@pytest.mark.parametrize("unit", [b"a ", b"(a)", b"ann@example.test, ", b"=?utf-8?q?a?= ", b'"\\"', b"(\\("])
def test_half_a_megabyte_takes_linear_time(unit: bytes) -> None:
    """Ten times the length takes about ten times as long, never a hundred (E13)."""
    short, long = (min(_seconds(unit * (size // len(unit))) for _ in range(3)) for size in (50_000, 500_000))

    assert long < 0.05 or long < 40 * short


@pytest.mark.parametrize(
    "text, address",
    [
        ("ann@example.test", Address(ANN)),
        ("Ann <ann@example.test>", Address(ANN, "Ann")),
        ('"Public, Ann" <ann@example.test>', Address(ANN, "Public, Ann")),
    ],
)
def test_one_address_is_read(text: str, address: Address) -> None:
    """Bare, or with a display name."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a@b.test,c@d.test",
        "a@b.test,",
        ",a@b.test",
        "g: a@b.test;",
        "g:;",
        " a@b.test",
        "a@b.test ",
        "<a@b.test>",
        "Ann\r\n <a@b.test>",
        "a@b.test\r\n ",
    ],
)
def test_anything_but_one_address_is_refused(text: str) -> None:
    """Nothing is split, trimmed or dropped (E02)."""
    with pytest.raises(InvalidAddress):
        parse_address(text)


_local_parts = st.from_regex(r"[a-z0-9!#$%&'*+/=^_`{|}~-]{1,20}(\.[a-z0-9]{1,20}){0,2}", fullmatch=True)
_odd_local_parts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=25)
_domains = st.sampled_from(["example.test", "a.b.example", "[192.0.2.7]", "xn--bcher-kva.example"])
_mailboxes = st.builds(Mailbox, _local_parts | _odd_local_parts, _domains).filter(
    lambda box: "=?" not in box.local_part
)
_names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40).map(str.strip)
_addresses = st.builds(Address, _mailboxes, _names)
_groups = st.builds(Group, _names.filter(bool), st.lists(_addresses, max_size=3).map(tuple))


@given(st.lists(_addresses | _groups, max_size=5).map(tuple))
def test_what_we_write_we_read(entries: tuple[Address | Group, ...]) -> None:
    """Any names and mailboxes, written as a header's value, read back the same."""
    assert parse_address_list(address_text(entries)) == entries


@given(
    st.lists(_addresses, min_size=1, max_size=5).map(tuple), st.text(' (),;:<>@.\\"[]\r\n\tax', max_size=12), st.data()
)
def test_no_insertion_adds_or_moves_a_mailbox_unseen(
    entries: tuple[Address, ...], insertion: str, data: st.DataObject
) -> None:
    """Whatever is put into a list either is refused or gives what its own writing gives again."""
    text = address_text(entries)
    place = data.draw(st.integers(0, len(text)))
    try:
        found = parse_address_list(text[:place] + insertion + text[place:])
    except InvalidAddress:
        return

    assert [a.mailbox for a in flat(found)] == [a.mailbox for a in flat(parse_address_list(address_text(found)))]


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(value: bytes) -> None:
    """No other exception comes out."""
    try:
        parse_address_list(value)
    except InvalidAddress as error:
        assert str(error).isprintable()
