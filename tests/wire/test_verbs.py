"""Commands as they are written: each is exactly one line, and no secret is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
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
)
from mailward.wire.parameters import Body, MailParameters, Notify, RcptParameters, Ret
from tests.wire.strategies import commands

ANN = Mailbox("ann", "example.test")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (Ehlo("client.example.test"), b"EHLO client.example.test\r\n"),
        (Ehlo("[IPv6:2001:db8::1]"), b"EHLO [IPv6:2001:db8::1]\r\n"),
        (Helo("client.example.test"), b"HELO client.example.test\r\n"),
        (Mail(None), b"MAIL FROM:<>\r\n"),
        (Mail(ANN), b"MAIL FROM:<ann@example.test>\r\n"),
        (
            Mail(ANN, MailParameters(size=0, body=Body.BINARY_MIME, ret=Ret.HDRS, envid="a+b", requiretls=True)),
            b"MAIL FROM:<ann@example.test> SIZE=0 BODY=BINARYMIME RET=HDRS ENVID=a+2Bb REQUIRETLS\r\n",
        ),
        (
            Mail(Mailbox("ü", "x"), MailParameters(smtputf8=True)),
            b"MAIL FROM:<\xc3\xbc@x> SMTPUTF8\r\n",
        ),
        (Rcpt(ANN), b"RCPT TO:<ann@example.test>\r\n"),
        (Rcpt(Mailbox("Postmaster", "")), b"RCPT TO:<Postmaster>\r\n"),
        (Rcpt(Mailbox("a > b", "x")), b'RCPT TO:<"a > b"@x>\r\n'),
        (
            Rcpt(ANN, RcptParameters(frozenset({Notify.DELAY, Notify.SUCCESS}), ("rfc822", "a=b@c"))),
            b"RCPT TO:<ann@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+3Db@c\r\n",
        ),
        (Data(), b"DATA\r\n"),
        (Bdat(10, last=False), b"BDAT 10\r\n"),
        (Bdat(0, last=True), b"BDAT 0 LAST\r\n"),
        (Rset(), b"RSET\r\n"),
        (Noop(), b"NOOP\r\n"),
        (Noop("hello"), b"NOOP hello\r\n"),
        (Quit(), b"QUIT\r\n"),
        (Vrfy("ann"), b"VRFY ann\r\n"),
        (Expn("staff"), b"EXPN staff\r\n"),
        (Help(), b"HELP\r\n"),
        (Help("MAIL"), b"HELP MAIL\r\n"),
        (Auth("SCRAM-SHA-256"), b"AUTH SCRAM-SHA-256\r\n"),
        (Auth("PLAIN", b"\0ann\0secret"), b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"),
        (Auth("EXTERNAL", b""), b"AUTH EXTERNAL =\r\n"),
        (StartTls(), b"STARTTLS\r\n"),
    ],
)
def test_how_a_command_is_written(command: Command, line: bytes) -> None:
    """Each command in the form of its RFC."""
    assert command.encode() == line


@pytest.mark.parametrize(
    "command",
    [
        Ehlo("x\r\nMAIL FROM:<e>"),
        Ehlo("x y"),
        Ehlo(""),
        Ehlo("[x\r\n]"),
        Ehlo("bücher.example"),
        Helo("x\n"),
        Mail(Mailbox("a", "b> SIZE=1 <c")),
        Mail(Mailbox("a", "b\r\nRCPT TO:<x@y>")),
        Mail(Mailbox("a\r\nRCPT TO:<x@y>", "b")),
        Mail(Mailbox("", "b")),
        Mail(Mailbox("postmaster", "")),
        Mail(Mailbox("ü", "b")),
        Mail(ANN, MailParameters(envid="a\r\nRCPT TO:<x@y>")),
        Mail(ANN, MailParameters(envid="")),
        Mail(ANN, MailParameters(envid="ü")),
        Mail(ANN, MailParameters(auth="a\r\n@b")),
        Mail(ANN, MailParameters(auth="nobody")),
        Mail(ANN, MailParameters(size=-1)),
        Mail(ANN, MailParameters(size=2**63)),
        Rcpt(Mailbox("a\0", "b")),
        Rcpt(Mailbox("ann", "")),
        Rcpt(Mailbox("\ud800", "b")),
        Rcpt(ANN, RcptParameters(orcpt=("rfc822", "a\r\nDATA"))),
        Rcpt(ANN, RcptParameters(orcpt=("rfc822", ""))),
        Rcpt(ANN, RcptParameters(orcpt=("rfc822;\r\n", "a"))),
        Rcpt(ANN, RcptParameters(orcpt=("utf-8", "a\u202e"))),
        Rcpt(ANN, RcptParameters(notify=frozenset())),
        Rcpt(ANN, RcptParameters(notify=frozenset({Notify.NEVER, Notify.DELAY}))),
        Bdat(-1, last=True),
        Bdat(2**63, last=True),
        Noop("a\r\nQUIT"),
        Noop("\ud800"),
        Vrfy("a\nQUIT"),
        Expn("a\0"),
        Help("\x7f"),
        Auth("PLAIN\r\nQUIT"),
        Auth("PLAIN AGEA"),
        Auth(""),
    ],
    ids=lambda command: command.verb,  # a set in a repr has no order, and xdist wants one
)
def test_what_is_never_written(command: Command) -> None:
    """E05: whatever the application passes, no second command and no broken one leaves; a log line of it is safe."""
    with pytest.raises(InputError) as caught:
        command.encode()

    assert str(caught.value).isprintable()
    assert command.redacted().isprintable()


def test_a_secret_is_not_shown() -> None:
    """AUTH shows its mechanism and nothing of the response, in a log, in a repr and in an error."""
    command = Auth("PLAIN", b"\0ann\0secret")

    assert command.redacted() == "AUTH PLAIN …"
    assert Auth("LOGIN").redacted() == "AUTH LOGIN"
    assert "secret" not in repr(command)
    assert "AGFubgBzZWNyZXQ" not in repr(command)


@given(commands)
def test_a_command_is_one_line(command: Command) -> None:
    """One CRLF, at the end; no NUL; and its log line is what was sent, but for AUTH and escapes."""
    line = command.encode()

    assert line.endswith(b"\r\n")
    assert not set(line[:-2]) & {0, 10, 13}
    assert command.redacted().startswith(command.verb)
    assert command.redacted().isprintable()


@given(st.text(), st.sampled_from([Ehlo, Helo, Noop, Vrfy, Expn, Help, Auth]))
def test_any_text_makes_one_line_or_none(text: str, kind: type[Ehlo | Helo | Noop | Vrfy | Expn | Help | Auth]) -> None:
    """Free text is written on one line or refused with InputError."""
    try:
        line = kind(text).encode()
    except InputError:
        return

    assert line.index(b"\r\n") == len(line) - 2
    assert b"\n" not in line[:-2]
