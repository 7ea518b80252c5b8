"""Command lines as a server reads them: every verb, every hostile line of the table, and what each is answered."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand
from mailward.wire import command as command_module
from mailward.wire import reply
from mailward.wire.address import Mailbox
from mailward.wire.command import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    is_foreign,
    parse_command,
)
from mailward.wire.parameters import Body, MailParameters
from mailward.wire.reply import Reply
from tests.wire.strategies import commands

ANN = Mailbox("ann", "example.test")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"EHLO x.test", Ehlo("x.test")),
        (b"ehlo MY_PC", Ehlo("MY_PC")),
        (b"EHLO [192.0.2.1]", Ehlo("[192.0.2.1]")),
        (b"EHLO [IPv6:::ffff:192.0.2.1]", Ehlo("[IPv6:::ffff:192.0.2.1]")),
        (b"EHLO 192.0.2.1", Ehlo("192.0.2.1")),
        (b"EHLO x.test \t ", Ehlo("x.test")),
        (b"HELO x", Helo("x")),
        (b"MAIL FROM:<ann@example.test>", Mail(ANN)),
        (b"mail from:<ann@EXAMPLE.test>", Mail(ANN)),
        (b"MAIL FROM: <ann@example.test>", Mail(ANN)),
        (b"MAIL FROM:<>", Mail(None)),
        (b"MAIL FROM:<ann@example.test> SIZE=1024", Mail(ANN, MailParameters(size=1024))),
        (b"MAIL FROM:<ann@example.test>  ", Mail(ANN)),
        (
            b"MAIL FROM:<> body=8bitmime Size=5",
            Mail(None, MailParameters(size=5, body=Body.EIGHT_BIT_MIME)),
        ),
        (
            "MAIL FROM:<ü@bücher.example> SMTPUTF8".encode(),
            Mail(Mailbox("ü", "xn--bcher-kva.example"), MailParameters(smtputf8=True)),
        ),
        (b"RCPT TO:<ann@example.test>", Rcpt(ANN)),
        (b"rcpt to:<Postmaster>", Rcpt(Mailbox("Postmaster", ""))),
        (b'RCPT TO:<"a b"@x>', Rcpt(Mailbox("a b", "x"))),
        (b"DATA", Data()),
        (b"data", Data()),
        (b"DATA ", Data()),
        (b"BDAT 10", Bdat(10, last=False)),
        (b"bdat 0 last", Bdat(0, last=True)),
        (b"BDAT 9223372036854775807", Bdat(2**63 - 1, last=False)),
        (b"RSET", Rset()),
        (b"NOOP", Noop()),
        (b"NOOP  anything at all", Noop(" anything at all")),
        (b"QUIT", Quit()),
        (b"VRFY ann", Vrfy("ann")),
        ("VRFY ü SMTPUTF8".encode(), Vrfy("ü SMTPUTF8")),
        (b"EXPN staff", Expn("staff")),
        (b"HELP", Help()),
        (b"HELP mail", Help("mail")),
        (b"AUTH plain", Auth("PLAIN")),
        (b"AUTH PLAIN AGFubgBzZWNyZXQ=", Auth("PLAIN", b"\0ann\0secret")),
        (b"AUTH EXTERNAL =", Auth("EXTERNAL", b"")),
        (b"StartTLS", StartTls()),
    ],
)
def test_how_a_command_is_read(line: bytes, command: Command) -> None:
    """Verbs and keywords in any case, trailing white space forgiven, everything else as the RFCs say."""
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [
        "RCPT TO:<b.c+d@mail.example.net>",
        "mail from:<a@example.com> size=1024",
        "MAIL FROM:<a@b-c.x1.com> SIZE=5 BODY=8BITMIME",
        "data",
    ],
)
def test_plain_lines_take_the_short_way(line: str) -> None:
    """The short way says the same as the long one, and really is taken."""
    assert command_module._parse_plain(line) == command_module._parse_any(line.encode(), smtputf8=False)


@pytest.mark.parametrize(
    "line",
    [
        "RCPT TO:<" + "a" * 65 + "@x>",
        "RCPT TO:<a@" + "b" * 64 + ">",
        "RCPT TO:<a@xn--a.com>",
        "RCPT TO:<a@com.xn--a>",
        "RCPT TO:<a@1.2.3.4>",
        "RCPT TO:<a@b>\n",
        "MAIL FROM:<a@b> SIZE=1\n",
        "DATA\n",
    ],
)
def test_what_must_be_looked_at_goes_the_long_way(line: str) -> None:
    """Limits, A-labels, numbers and line ends are not for the short way."""
    assert command_module._parse_plain(line) is None


def test_an_initial_response_is_told_from_none() -> None:
    """`AUTH X =` says an empty response, `AUTH X` says none."""
    empty, none = parse_command(b"AUTH X ="), parse_command(b"AUTH X")

    assert isinstance(empty, Auth)
    assert isinstance(none, Auth)
    assert (empty.initial_response, none.initial_response) == (b"", None)


A_LOT = b"A" * 1000
REFUSED: dict[str, tuple[bytes, Reply]] = {
    "S18-no-size": (b"BDAT", reply.BAD_PARAMETER),
    "S18-negative": (b"BDAT -1", reply.BAD_PARAMETER),
    "S18-2^64": (b"BDAT 18446744073709551616", reply.BAD_PARAMETER),
    "S18-2^63": (b"BDAT 9223372036854775808", reply.BAD_PARAMETER),
    "S18-underscore": (b"BDAT 1_0", reply.BAD_PARAMETER),
    "S18-hex": (b"BDAT 0x10", reply.BAD_PARAMETER),
    "S18-plus": (b"BDAT +1", reply.BAD_PARAMETER),
    "S18-arabic-digit": (b"BDAT \xd9\xa1", reply.BAD_PARAMETER),
    "S18-long-s": ("BDAT 1 LA\u017fT".encode(), reply.BAD_PARAMETER),
    "S18-bad-utf8": (b"BDAT 1 \xff", reply.BAD_PARAMETER),
    "S18-nul": (b"BDAT 1\x00", reply.BAD_PARAMETER),
    "S18-word": (b"BDAT 1 FIRST", reply.BAD_PARAMETER),
    "S24-mail": ("MAIL FROM:<ü@x>".encode(), reply.NEED_SMTPUTF8),
    "S24-vrfy": ("VRFY ü".encode(), reply.NEED_SMTPUTF8),
    "S24-rcpt": ("RCPT TO:<ü@x>".encode(), reply.NEED_SMTPUTF8),
    "S24-domain": ("RCPT TO:<u@ü.x>".encode(), reply.NEED_SMTPUTF8),
    "S25-lf": (b"EHLO x\n", reply.BAD_OCTETS),
    "S25-cr": (b"NOOP\rQUIT", reply.BAD_OCTETS),
    "S25-nul": (b"NOOP \x00", reply.BAD_OCTETS),
    "S25-backspace": (b"BELL\x08", reply.BAD_OCTETS),
    "S25-soh": (b'NOOP "\x01"', reply.BAD_OCTETS),
    "S25-nul-before-verb": (b"\x00NOOP", reply.BAD_OCTETS),
    "S25-tab-after-verb": (b"EHLO\tx", reply.BAD_OCTETS),
    "S26-verb": (b"FROP \xf1\x80", reply.BAD_OCTETS),
    "S26-address": (b"MAIL FROM:<f\xc3\xb6@\xc3>", reply.BAD_OCTETS),
    "S26-noop": ("NOOP ü".encode(), reply.BAD_OCTETS),
    "S26-surrogate": (b"VRFY \xed\xa0\x80", reply.BAD_OCTETS),
    "S27-start": (b"A" * 4096, reply.UNRECOGNISED),
    "S28-long": (b"EHLO " + A_LOT, reply.BAD_PARAMETER),
    "S28-two-spaces": (b"EHLO  x", reply.BAD_PARAMETER),
    "S28-escape": (b"EHLO \x1b[2J", reply.BAD_OCTETS),
    "S28-literal": (b"EHLO [999.1.1.1]", reply.BAD_PARAMETER),
    "S28-script": (b"EHLO <script>", reply.BAD_PARAMETER),
    "S28-empty": (b"EHLO", reply.BAD_PARAMETER),
    "S28-two-names": (b"EHLO a b", reply.BAD_PARAMETER),
    "S28-utf8": ("EHLO bücher.example".encode(), reply.BAD_PARAMETER),
    "S28-helo": (b"HELO <script>", reply.BAD_PARAMETER),
    "S29-no-brackets": (b"MAIL FROM:a@", reply.BAD_SENDER),
    "S29-open": (b"MAIL FROM:<", reply.BAD_SENDER),
    "S29-quote": (b'MAIL FROM:"', reply.BAD_SENDER),
    "S29-parentheses": (b"MAIL FROM:" + b"(" * 400, reply.BAD_SENDER),
    "S29-lala": (b"MAIL LALA:<>", reply.BAD_SYNTAX),
    "S29-nested": (b"MAIL FROM:<Foo <a@b>>", reply.BAD_SENDER),
    "S29-colons": (b"MAIL FROM:<a:b:c@d>", reply.BAD_SENDER),
    "S29-mail-alone": (b"MAIL", reply.BAD_SYNTAX),
    "S29-space-before-colon": (b"MAIL FROM :<a@b>", reply.BAD_SYNTAX),
    "S29-rcpt-no-brackets": (b"RCPT TO:a@b", reply.BAD_RECIPIENT),
    "S29-rcpt-null": (b"RCPT TO:<>", reply.BAD_RECIPIENT),
    "S29-rcpt-lala": (b"RCPT FROM:<a@b>", reply.BAD_SYNTAX),
    "S29-mail-postmaster": (b"MAIL FROM:<postmaster>", reply.BAD_SENDER),
    "S30-cr": (b"MAIL FROM:<a@b.c\rX-Evil: 1>", reply.BAD_SENDER),
    "S30-nul": (b"MAIL FROM:<a\x00@b>", reply.BAD_SENDER),
    "S30-esc": (b"MAIL FROM:<a\x1b@b>", reply.BAD_SENDER),
    "S30-del": (b"MAIL FROM:<a\x7f@b>", reply.BAD_SENDER),
    "S30-c1": (b"MAIL FROM:<a\xc2\x85@b>", reply.HOSTILE_SENDER),
    "S30-rcpt-cr": (b"RCPT TO:<a@b.c\rX-Evil: 1>", reply.BAD_RECIPIENT),
    "S31-zero-width-space": ("RCPT TO:<t@exam\u200bple.com>".encode(), reply.HOSTILE_RECIPIENT),
    "S31-word-joiner": ("RCPT TO:<t@exam\u2060ple.com>".encode(), reply.HOSTILE_RECIPIENT),
    "S31-bom": ("RCPT TO:<t@exam\ufeffple.com>".encode(), reply.HOSTILE_RECIPIENT),
    "S31-override": ("RCPT TO:<t@exam\u202eple.com>".encode(), reply.HOSTILE_RECIPIENT),
    "S31-smtputf8": ("MAIL FROM:<t@exam\u200bple.com> SMTPUTF8".encode(), reply.HOSTILE_SENDER),
    "S32-dot-at-end": (b"RCPT TO:<ilo.@x>", reply.BAD_RECIPIENT),
    "S32-dot-at-start": (b"RCPT TO:<.a@x>", reply.BAD_RECIPIENT),
    "S32-two-dots": (b"RCPT TO:<a..b@x>", reply.BAD_RECIPIENT),
    "S32-two-dots-in-domain": (b"RCPT TO:<a@x..y>", reply.BAD_RECIPIENT),
    "S32-domain-dot": (b"RCPT TO:<a@x.>", reply.BAD_RECIPIENT),
    "S32-hyphen": (b"RCPT TO:<a@-x>", reply.BAD_RECIPIENT),
    "S32-a-label": (b"RCPT TO:<a@xn--->", reply.BAD_RECIPIENT),
    "S32-roman": ("RCPT TO:<henry\u2163@x>".encode(), reply.HOSTILE_RECIPIENT),
    "S33-local-part": (b"RCPT TO:<" + b"a" * 65 + b"@x>", reply.BAD_RECIPIENT),
    "S33-domain": (b"RCPT TO:<a@" + b"b." * 127 + b"cc>", reply.BAD_RECIPIENT),
    "S33-path": (b"RCPT TO:<" + b"a" * 64 + b"@" + b"b." * 94 + b"cc>", reply.BAD_RECIPIENT),
    "S33-label": (b"RCPT TO:<a@" + b"b" * 64 + b".c>", reply.BAD_RECIPIENT),
    "S34-empty": (b"RCPT TO:<t@[]>", reply.BAD_RECIPIENT),
    "S34-numbers": (b"RCPT TO:<t@[999.999.999.999]>", reply.BAD_RECIPIENT),
    "S34-three": (b"RCPT TO:<t@[192.168.1]>", reply.BAD_RECIPIENT),
    "S34-ipv6": (b"RCPT TO:<t@[IPv6:zz]>", reply.BAD_RECIPIENT),
    "S34-mapped": (b"RCPT TO:<t@[IPv6:::ffff:127.0.0.1]>", reply.BAD_RECIPIENT),
    "S34-port": (b"RCPT TO:<a@x:2525>", reply.BAD_RECIPIENT),
    "S34-literal-port": (b"RCPT TO:<a@[127.0.0.1]:25>", reply.BAD_RECIPIENT),
    "S35-source-route": (b"RCPT TO:<@evil.com:u@good.com>", reply.BAD_RECIPIENT),
    "S36-shell": (b"MAIL FROM:<;sleep 66;@x>", reply.BAD_SENDER),
    "S36-path": (b"MAIL FROM:<../../q@x>", reply.BAD_SENDER),
    "S37-huge": (b"MAIL FROM:<a@b> SIZE=99999999999999999999", reply.TOO_BIG),
    "S37-negative": (b"MAIL FROM:<a@b> SIZE=-1", reply.BAD_PARAMETER),
    "S37-no-space": (b"MAIL FROM:<a@b>SIZE=1", reply.BAD_PARAMETER),
    "S37-unknown": (b"MAIL FROM:<a@b> FOO=1", reply.UNKNOWN_PARAMETER),
    "S37-rcpt-unknown": (b"RCPT TO:<a@b> SIZE=1", reply.UNKNOWN_PARAMETER),
    "S37-two-spaces": (b"MAIL FROM:<a@b>  SIZE=1", reply.BAD_PARAMETER),
    "S38-envid": (b"MAIL FROM:<a@b> ENVID=ab+0D+0Acd", reply.BAD_PARAMETER),
    "S38-orcpt": (b"RCPT TO:<a@b> ORCPT=rfc822;a+0Ab", reply.BAD_PARAMETER),
    "S38-auth": (b"MAIL FROM:<a@b> AUTH=a+0Ab", reply.BAD_PARAMETER),
    "S47-starttls-argument": (b"STARTTLS x", reply.BAD_PARAMETER),
    "S52-not-canonical": (b"AUTH PLAIN AGEAYR==", reply.BAD_BASE64),
    "S52-cancel": (b"AUTH PLAIN *", reply.BAD_BASE64),
    "S52-only-padding": (b"AUTH PLAIN ====", reply.BAD_BASE64),
    "S52-two-words": (b"AUTH PLAIN AGEA YQ==", reply.BAD_PARAMETER),
    "S52-too-long": (b"AUTH PLAIN " + b"A" * 12292, reply.BAD_BASE64),
    "S53-no-mechanism": (b"AUTH", reply.BAD_PARAMETER),
    "S53-odd-mechanism": (b"AUTH PLAIN/X", reply.BAD_PARAMETER),
    "S53-long-mechanism": (b"AUTH " + b"A" * 21, reply.BAD_PARAMETER),
    "S53-long-s": ("AUTH PLAIN\u017f".encode(), reply.BAD_PARAMETER),
    "S60-proxy": (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2", reply.UNRECOGNISED),
    "verb-long-s": ("R\u017fET".encode(), reply.UNRECOGNISED),
    "verb-dotless-i": ("MA\u0131L FROM:<a@b>".encode(), reply.UNRECOGNISED),
    "unknown": (b"FROP", reply.UNRECOGNISED),
    "empty": (b"", reply.UNRECOGNISED),
    "space-first": (b" NOOP", reply.UNRECOGNISED),
    "data-argument": (b"DATA x", reply.BAD_PARAMETER),
    "vrfy-nobody": (b"VRFY", reply.BAD_PARAMETER),
}


@pytest.mark.parametrize(("line", "answer"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(line: bytes, answer: Reply) -> None:
    """Each hostile line has its one fixed answer, with nothing of the line in it."""
    with pytest.raises(BadCommand) as caught:
        parse_command(line)

    assert Reply.of(caught.value) == answer
    assert caught.value.fatal == line.startswith(b"BDAT")


@pytest.mark.parametrize(
    "line",
    [
        b"POST / HTTP/1.1",
        b"GET / HTTP/1.0",
        b"get /",
        b"PUT /x HTTP/1.1",
        b"HEAD / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT x:80",
        b"CONNECT x:80 HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"DELETE / HTTP/1.1",
        b"PATCH / HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"Host: x",
        b"Subject: x",
        b"X-Spam:",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x80\x2e\x01\x00\x02\x00\x15",
        b"\x05\x01\x00",
        b"\x04\x01\x00\x19\x7f\x00\x00\x01",
        b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=hello",
        b"SSH-2.0-OpenSSH_9.2p1",
    ],
)
def test_other_protocols_are_sent_away(line: bytes) -> None:
    """S40: a browser, a TLS client, a proxy client or a mail without its envelope gets one 421 and the end."""
    assert is_foreign(line)
    with pytest.raises(BadCommand) as caught:
        parse_command(line)

    assert Reply.of(caught.value) == reply.NOT_SMTP
    assert caught.value.fatal


@pytest.mark.parametrize(
    "line",
    [b"EHLO x", b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"NOOP :", b"HELP GET", b"DATA", b"", "ü".encode(), b"POSTMAN"],
)
def test_smtp_is_not_foreign(line: bytes) -> None:
    """A colon after a space is no header, and a verb that begins like HTTP is only unknown."""
    assert not is_foreign(line)


def test_utf8_in_rcpt_needs_the_transaction() -> None:
    """RFC 6531: RCPT has no parameter of its own; the MAIL of the transaction said SMTPUTF8 for it."""
    line = "RCPT TO:<jürgen@example.test>".encode()

    assert parse_command(line, smtputf8=True) == Rcpt(Mailbox("jürgen", "example.test"))
    with pytest.raises(BadCommand, match="SMTPUTF8"):
        parse_command(line)


@pytest.mark.parametrize(
    ("local_part", "line"),
    [
        ("${run{/bin/sh}}", b"RCPT TO:<${run{/bin/sh}}@x>"),
        ("|/bin/sh", b"RCPT TO:<|/bin/sh@x>"),
        ("-oQ/tmp", b"RCPT TO:<-oQ/tmp@x>"),
        ("a'||1--", b"RCPT TO:<a'||1--@x>"),
        ("%{env}", b"RCPT TO:<%{env}@x>"),
        ("u%evil.com", b"RCPT TO:<u%evil.com@x>"),
        ("evil!u", b"RCPT TO:<evil!u@x>"),
        ("victim@evil.com", b'RCPT TO:<"victim@evil.com"@x>'),
    ],
)
def test_literal_data_only(local_part: str, line: bytes) -> None:
    """S35, S36: what once was code to somebody is a local part here."""
    assert parse_command(line) == Rcpt(Mailbox(local_part, "x"))


@given(commands)
def test_what_is_written_reads_back(command: Command) -> None:
    """Every command that can be sent is understood as itself, by the short way and by the long one."""
    line = command.encode()[:-2]
    parsed = parse_command(line, smtputf8=True)

    assert parsed == command
    assert parse_command(line + b" ", smtputf8=True) == command
    if isinstance(command, Auth) and isinstance(parsed, Auth):
        assert parsed.initial_response == command.initial_response


VERBS = [
    b"EHLO ",
    b"MAIL FROM:",
    b"MAIL FROM:<a@b> ",
    b"RCPT TO:<",
    b"RCPT TO:<a@b> ",
    b"AUTH PLAIN ",
    b"BDAT ",
    b"NOOP ",
]


@given(st.sampled_from([*VERBS, b""]), st.binary(max_size=60), st.booleans())
def test_any_bytes_are_a_command_or_refused(start: bytes, line: bytes, smtputf8: bool) -> None:
    """Nothing but BadCommand comes out, with a reply that can be sent; what is read can be written again."""
    try:
        command = parse_command(start + line, smtputf8=smtputf8)
    except BadCommand as error:
        answer = Reply.of(error)
    else:
        answer = reply.BAD_SYNTAX
        assert parse_command(command.encode()[:-2], smtputf8=smtputf8) == command
        assert command.redacted().isprintable()

    assert answer.encode().startswith((b"4", b"5"))


@pytest.mark.parametrize("start", [*VERBS, b"", b"VRFY ", b"RCPT TO:<a@b> NOTIFY="])
@pytest.mark.parametrize(
    "filler", [b"a", b" ", b"a ", b"a=", b"<", b'"', b"\\", b"a.", b"a@", b"+41", b",", b"\xc3\xbc", b"\xff"]
)
def test_hostile_length_costs_nothing(start: bytes, filler: bytes) -> None:
    """A quarter of a megabyte where 512 octets belong is judged in linear time."""
    line = start + filler * (250_000 // len(filler))
    started = time.process_time()
    for tail in (b"", b">", b"@"):
        try:
            parse_command(line + tail, smtputf8=True)
        except BadCommand:
            continue

    assert time.process_time() - started < 0.5
