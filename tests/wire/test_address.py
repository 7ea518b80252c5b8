"""Mailboxes and paths: what is read, what is refused, and that nothing is ever read as something else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidAddress
from mailward.wire.address import Mailbox, parse_literal, parse_path
from tests.wire.strategies import mailboxes


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("ann@example.test", "ann", "example.test"),
        ("Ann.Lee+tag@Example.TEST", "Ann.Lee+tag", "example.test"),
        ("!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x"),
        ('"ann lee"@example.test', "ann lee", "example.test"),
        ('"ann"@example.test', "ann", "example.test"),
        (r'"a\"b\\c\d"@example.test', r'a"b\cd', "example.test"),
        ('"a..b"@example.test', "a..b", "example.test"),
        ("jürgen@example.test", "jürgen", "example.test"),
        ('"jürgen b"@example.test', "jürgen b", "example.test"),
        ("葉士豪@臺網中心.tw", "葉士豪", "xn--fiqq24b10vi0d.tw"),
        ("ann@Bücher.example", "ann", "xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann", "xn--bcher-kva.example"),
        ("ann@123.example", "ann", "123.example"),
        ("ann@r3---sn.example", "ann", "r3---sn.example"),
        ("ann@[192.0.2.1]", "ann", "[192.0.2.1]"),
        ("ann@[ipv6:2001:DB8:0::1]", "ann", "[IPv6:2001:db8::1]"),
        ("a" * 64 + "@example.test", "a" * 64, "example.test"),
        ("a@" + "b" * 63 + ".test", "a", "b" * 63 + ".test"),
    ],
)
def test_what_is_a_mailbox(text: str, local_part: str, domain: str) -> None:
    """Each form of RFC 5321 §4.1.2 and RFC 6531 is read into its value."""
    assert Mailbox.parse(text) == Mailbox(local_part, domain)


REFUSED = {
    "S30-cr": "a@b.c\rX-Evil: 1",
    "S30-nul": "a\0@b",
    "S30-esc": "a\x1b@b",
    "S30-del": "a\x7f@b",
    "S30-c1": "a\x85@b",
    "S31-zero-width-space": "t@exam\u200bple.com",
    "S31-word-joiner": "t@exam\u2060ple.com",
    "S31-bom": "t@exam\ufeffple.com",
    "S31-override": "t@exam\u202eple.com",
    "S31-local-zero-width-space": "t\u200bx@example.com",
    "S31-local-word-joiner": "t\u2060x@example.com",
    "S31-local-bom": "t\ufeffx@example.com",
    "S31-local-override": "t\u202ex@example.com",
    "S31-local-quoted-override": '"t\u202e x"@example.com',
    "S31-line-separator": "t\u2028x@example.com",
    "S31-paragraph-separator": "t\u2029x@example.com",
    "S31-private-use": "t\ue000x@example.com",
    "S31-unassigned": "t\U000e0080x@example.com",
    "S31-surrogate": "t\ud800x@example.com",
    "S31-no-break-space": '"t\u00a0x"@example.com',
    "S31-ogham-space": '"t\u1680x"@example.com',
    "S32-dot-at-end": "ilo.@x",
    "S32-dot-at-start": ".a@x",
    "S32-two-dots": "a..b@x",
    "S32-two-dots-in-domain": "a@x..y",
    "S32-domain-ends-with-dot": "a@x.",
    "S32-domain-starts-with-dot": "a@.x",
    "S32-hyphen-first": "a@-x",
    "S32-hyphen-last": "a@x-",
    "S32-broken-a-label": "a@xn---",
    "S32-empty-a-label": "a@xn--",
    "S32-roman-numeral": "henry\u2163@x",
    "S32-full-width-local-part": "\uff41dmin@x",
    "S33-local-part-65": "a" * 65 + "@x",
    "S33-local-part-65-octets": "ü" * 33 + "@x",
    "S33-quoted-local-part-65": '"' + "a " * 32 + '"@x',
    "S33-label-64": "a@" + "b" * 64 + ".test",
    "S33-last-label-64": "a@" + "b" * 64,
    "S33-domain-256": "a@" + ".".join(["b" * 63] * 4) + "b",
    "S33-path-257": "a" * 64 + "@" + ".".join(["b" * 62] * 3) + ".b",
    "S34-empty-literal": "t@[]",
    "S34-numbers-too-big": "t@[999.999.999.999]",
    "S34-three-numbers": "t@[192.168.1]",
    "S34-leading-zero": "t@[127.0.0.01]",
    "S34-bad-ipv6": "t@[IPv6:zz]",
    "S34-mapped": "t@[IPv6:::ffff:127.0.0.1]",
    "S34-ipv6-without-tag": "t@[2001:db8::1]",
    "S34-zone": "t@[IPv6:fe80::1%eth0]",
    "S34-port": "a@x:2525",
    "S34-literal-port": "a@[127.0.0.1]:25",
    "S34-open-literal": "a@[127.0.0.1",
    "S34-number-as-domain": "a@127.0.0.1",
    "S34-hex-number-as-domain": "a@0x7f000001",
    "S34-one-number-as-domain": "a@2130706433",
    "S34-arabic-digits": "a@[\u0661.0.0.1]",
    "S36-shell": ";sleep 66;@x",
    "S36-path": "../../q@x",
    "S36-ldap": "*)(uid=*)@x",
    "E01-command": "a@b.c\r\nRCPT TO:<x@y.z>",
    "E01-lf": "a@b.c\n",
    "E01-lf-inside": "a\n@b.c",
    "E01-cr": "a@b.c\r",
    "E01-nul": "a@b.c\0",
    "E01-vt": "a\x0b@b.c",
    "E01-vt-at-end": "a@b.c\x0b",
    "E01-del": "a@b.c\x7f",
    "E01-c1": "a@b.c\x85",
    "E01-line-separator": "a@b.c\u2028",
    "E02-parameter": "a@b.c> SIZE=1",
    "E02-brackets": "<a@b.c>",
    "E02-two": "a@b.c,d@e.f",
    "E02-two-spaced": "a@b.c, d@e.f",
    "E02-space-first": " a@b.c",
    "E02-space-last": "a@b.c ",
    "E02-empty": "",
    "E02-no-domain": "a@",
    "E02-no-local-part": "@b",
    "E02-no-at": "ann",
    "E02-empty-quotes": '""@b.c',
    "E02-name": "Ann <a@b.c>",
    "E02-comment": "a(hi)@b.c",
    "E02-two-ats": "a@b@c.d",
    "E03-looks-like-crlf": "x\u760d\u760aRCPT TO:<e@x>@b.c",
    "E04-command-in-quotes": '"a\r\nRCPT TO:<e@x>\r\n"@c.d',
    "E04-escaped-cr": '"a\\\r\n"@c',
    "E04-escaped-nul": '"a\\\0"@c',
    "E04-open-quotes": '"a@b.c',
    "E04-text-after-quotes": '"a"b@b.c',
    "E07-parenthesis": "alice@example.org)bob@evil.com",
    "E07-bracket": "alice@example.org]<bob@evil.com>",
    "E07-two-addresses": "a@b.c <d@e.f>",
    "E11-full-width-dot": "a@evil\uff0ecom",
    "E11-ideographic-dot": "a@evil\u3002com",
    "E11-half-width-dot": "a@evil\uff61com",
    "E11-ligature": "a@\ufb00.com",
    "E11-dotted-capital-i": "a@\u0130.com",
    "E11-a-label-of-nothing": "a@xn--a.com",
    "E11-a-label-of-ascii": "a@xn--abc-.com",
    "E11-a-label-of-mapped": "a@xn--ff-1ra9876.com",
    "E11-direction-mark": "a@\u200fabc.com",
    "E11-mixed-direction": "a@\u05d0abc.com",
    "E11-capital-u-label": "a@BÜCHER.example",
    "E11-decomposed": "a@bu\u0308cher.example",
    "E11-emoji": "a@\U0001f4a9.example",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(text: str) -> None:
    """No hostile or broken text is a mailbox, not even in part, and the message can be printed."""
    with pytest.raises(InvalidAddress) as caught:
        Mailbox.parse(text)

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "point", "position"),
    [
        ("a@b.c\r\nRCPT TO:<x@y.z>", "U+000D", 6),
        ("a@b.c\n", "U+000A", 6),
        ("a\0@b.c", "U+0000", 2),
        ("a@b.c\x0b", "U+000B", 6),
        ("a\x7f@b.c", "U+007F", 2),
        ("a\x85@b.c", "U+0085", 2),
        ("a@b.c\x85", "U+0085", 6),
        ("a@b\u2028.c", "U+2028", 4),
        ('"a\r"@b.c', "U+000D", 3),
        ("t@exam\u200bple.com", "U+200B", 7),
        ("a@b.c> SIZE=1", "U+003E", 6),
        ("a@b.c,d@e.f", "U+002C", 6),
        (" a@b.c", "U+0020", 1),
    ],
)
def test_a_refusal_names_the_code_point(text: str, point: str, position: int) -> None:
    """E01: the one who must mend the address is told which character, and where."""
    with pytest.raises(InvalidAddress, match=rf"U\+{point[2:]} .* at character {position}\b"):
        Mailbox.parse(text)


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ('"victim@evil.com"@good.com', "victim@evil.com", "good.com"),
        ("u%evil.com@good.com", "u%evil.com", "good.com"),
        ("evil!u@good.com", "evil!u", "good.com"),
        ('"victim@gmail.com x"@internal.domain', "victim@gmail.com x", "internal.domain"),
        ('"@evil.com:u"@good.com', "@evil.com:u", "good.com"),
    ],
    ids=["S35-quoted", "S35-percent", "S35-bang", "E06", "S35-quoted-route"],
)
def test_the_domain_is_what_follows_the_last_at(text: str, local_part: str, domain: str) -> None:
    """S35, E06: a router and an access rule see the same domain, whatever the local part looks like."""
    mailbox = Mailbox.parse(text)

    assert mailbox == Mailbox(local_part, domain)
    assert str(mailbox) == text
    assert mailbox.key.endswith(f"@{domain}")


@pytest.mark.parametrize(
    "local_part",
    ["${run{/bin/sh}}", "|/bin/sh", "-oQ/tmp", "a'||1--", "%{env}", "__proto__", "{{7*7}}"],
)
def test_attacks_on_others_are_literal_here(local_part: str) -> None:
    """S36: what was an attack on a shell, an expander or a query is a local part like any other."""
    assert Mailbox.parse(f"{local_part}@x.test") == Mailbox(local_part, "x.test")


@pytest.mark.parametrize(
    ("domain", "ascii_domain"),
    [("faß.de", "xn--fa-hia.de"), ("σς.example", "xn--3xab.example"), ("אב.example", "xn--4dbc.example")],
)
def test_a_domain_is_converted_without_mapping(domain: str, ascii_domain: str) -> None:
    """E11: IDNA2008 keeps ß and final sigma, so mail for faß.de does not go to fass.de."""
    assert Mailbox.parse(f"a@{domain}").domain == ascii_domain


def test_the_low_bytes_of_a_character_never_matter() -> None:
    """E03: U+760D and U+760A are letters, in UTF-8, and never CR and LF."""
    mailbox = Mailbox.parse("x\u760d\u760a@b.c")

    assert str(mailbox).encode() == b"x\xe7\x98\x8d\xe7\x98\x8a@b.c"
    assert mailbox.needs_smtputf8


@given(mailboxes)
def test_what_is_written_reads_back(mailbox: Mailbox) -> None:
    """str() is canonical: it reads back as the same mailbox, alone and as a path with something behind it."""
    assert Mailbox.parse(str(mailbox)) == mailbox
    assert parse_path(f"<{mailbox}> SIZE=1", null=False) == (mailbox, " SIZE=1")


@given(st.text(st.sampled_from('ab.@<>"\\[]:1x-\r\n\0 \u200bü\u760d') | st.characters(), max_size=40))
def test_any_text_is_a_mailbox_or_refused(text: str) -> None:
    """Nothing but InvalidAddress comes out, and what is accepted holds neither control characters nor surprises."""
    try:
        mailbox = Mailbox.parse(text)
    except InvalidAddress as error:
        message = str(error)
    else:
        message = ""
        assert Mailbox.parse(str(mailbox)) == mailbox
        assert str(mailbox).isprintable()
        assert mailbox.domain.isascii()
        assert mailbox.domain == mailbox.domain.lower().replace("[ipv6", "[IPv6")

    assert message.isprintable()


@given(st.text(st.sampled_from('<>@"\\ab.: \r') | st.characters(), max_size=40), st.booleans())
def test_any_text_is_a_path_or_refused(text: str, null: bool) -> None:
    """A path is read or refused; what follows it is handed back untouched."""
    try:
        mailbox, rest = parse_path(f"<{text}", null=null)
    except InvalidAddress as error:
        message = str(error)
    else:
        message = ""
        assert f"<{text}".endswith(rest)
        assert mailbox is not None or null

    assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "null", "mailbox", "rest"),
    [
        ("<>", True, None, ""),
        ("<> BODY=7BIT", True, None, " BODY=7BIT"),
        ("<a@b>SIZE=1", True, Mailbox("a", "b"), "SIZE=1"),
        ('<"a> b"@c.d> X', False, Mailbox("a> b", "c.d"), " X"),
        ("<a@[192.0.2.1]>", False, Mailbox("a", "[192.0.2.1]"), ""),
        ("<postmaster>", False, Mailbox("postmaster", ""), ""),
        ("<PostMaster> X=1", False, Mailbox("PostMaster", ""), " X=1"),
    ],
)
def test_what_is_a_path(text: str, null: bool, mailbox: Mailbox | None, rest: str) -> None:
    """The null path goes where it may, <postmaster> needs no domain, quotes hide the bracket."""
    assert parse_path(text, null=null) == (mailbox, rest)


@pytest.mark.parametrize(
    "text",
    ["", "a@b", "a@", "<", "<a", "<a@", "<a@b", '"', "((((" * 100, "<Foo <a@b>>", "<a:b:c@d>", "< a@b>", "<a@b >"],
)
def test_what_is_no_path(text: str) -> None:
    """S29: broken paths are refused whether or not the null path is allowed."""
    for null in (True, False):
        with pytest.raises(InvalidAddress):
            parse_path(text, null=null)


@pytest.mark.parametrize("text", ["<@evil.com:u@good.com>", "<@a,@b:u@c>", "<@a>"])
def test_source_routes_are_refused(text: str) -> None:
    """S35: nobody needs them, and two readers may disagree about them."""
    with pytest.raises(InvalidAddress, match="source route"):
        parse_path(text, null=True)


def test_null_and_postmaster_only_where_they_belong() -> None:
    """<> is no recipient and <postmaster> no sender."""
    with pytest.raises(InvalidAddress):
        parse_path("<>", null=False)
    with pytest.raises(InvalidAddress):
        parse_path("<postmaster>", null=True)


def test_the_key_ignores_case_and_normalisation() -> None:
    """One person, one key: for lookup, throttling and allowlists."""
    assert Mailbox.parse("Ann@Example.Test").key == "ann@example.test"
    assert Mailbox.parse("ju\u0308rgen@x").key == Mailbox.parse("J\u00dcRGEN@x").key


@pytest.mark.parametrize(
    "text", ["Ann@x", '"Ann X"@x', '"A@B"@x', r'"A\"B\\"@x', '"ann."@x', "\u03a3\u03c2@x", "Stra\u00dfe@x"]
)
def test_the_key_is_a_mailbox(text: str) -> None:
    """It reads as a mailbox whose key it is, quoted where it must be."""
    key = Mailbox.parse(text).key

    assert Mailbox.parse(key).key == key


@pytest.mark.parametrize("literal", ["[]", "[", "", "192.0.2.1", "[192.0.2.1", "[a.b]", "[IPv6:]", "[IPv6:1::2%3]"])
def test_what_is_no_literal(literal: str) -> None:
    """An address literal is an IP address in brackets, tagged if it is IPv6."""
    with pytest.raises(InvalidAddress):
        parse_literal(literal)


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 1_000_000,
        "a." * 500_000,
        '"' + "\\a" * 500_000,
        '"' * 1_000_000,
        "a@" + "b." * 500_000,
        "a@" + "b-" * 500_000,
        "a@" + "xn--" * 250_000,
        "a@[" + ":" * 1_000_000,
        "a@" + "ü" * 500_000,
        "ü" * 500_000 + "@b",
        "a\u0301" * 300_000 + "@b",
    ],
    ids=lambda hostile: f"{hostile[:4]}…",
)
def test_hostile_length_costs_nothing(hostile: str) -> None:
    """A megabyte of nearly an address is refused in linear time."""
    started = time.process_time()
    for read in (Mailbox.parse, lambda text: parse_path(f"<{text}>", null=False)):
        with pytest.raises(InvalidAddress):
            read(hostile)

    assert time.process_time() - started < 0.5
