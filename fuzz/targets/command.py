"""Any line is a command that writes and reads back as itself, or BadCommand with a reply that can be sent."""

from __future__ import annotations

from mailward.errors import BadCommand
from mailward.wire.command import parse_command
from mailward.wire.reply import Reply

SEEDS = [
    b"EHLO x.test",
    b"HELO [IPv6:2001:db8::1]",
    b"MAIL FROM:<a@example.com> SIZE=1024 BODY=8BITMIME",
    b"MAIL FROM:<> SMTPUTF8 REQUIRETLS RET=FULL ENVID=a+2Bb AUTH=<>",
    b"MAIL FROM:<f\xc3\xb6@b\xc3\xbccher.example> SMTPUTF8",
    b"RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@example.net",
    b"RCPT TO:<b@example.net> ORCPT=utf-8;\\x{FC}@x",
    b"RCPT TO:<Postmaster>",
    b'RCPT TO:<"victim@evil.com"@good.com>',
    b"BDAT 10 LAST",
    b"BDAT 18446744073709551616",
    b"AUTH PLAIN AGFubgBzZWNyZXQ=",
    b"AUTH PLAIN =",
    b"STARTTLS",
    b"XCLIENT ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE] PORT=25 PROTO=ESMTP HELO=a+2Bb LOGIN=ann",
    b"XFORWARD ADDR=127.0.0.1",
    b"NOOP\rQUIT",
    b"NOOP \x00",
    b"FROP \xf1\x80",
    b"MAIL FROM:<f\xc3\xb6@\xc3>",
    b"EHLO \x1b[2J",
    b"MAIL FROM:a@",
    b"MAIL FROM:((((",
    b"MAIL LALA:<>",
    b"MAIL FROM:<a@b.c\rX-Evil: 1>",
    b"RCPT TO:<t@exam\xe2\x80\x8bple.com>",
    b"RCPT TO:<a@x:2525>",
    b"RCPT TO:<@evil.com:u@good.com>",
    b"MAIL FROM:<;sleep 66;@x>",
    b"MAIL FROM:<a@b> SIZE=99999999999999999999",
    b"MAIL FROM:<a@b>SIZE=1",
    b"MAIL FROM:<a@b> ENVID=ab+0D+0Acd",
    b"MAIL FROM:<a@b> AUTH=a+0Ab",
    b"POST / HTTP/1.1",
    b"Subject: x",
    b"\x16\x03\x01\x02\x00\x01",
    b"\x05\x01\x00",
    b"VRFY \xc3\xbc SMTPUTF8",
]


def target(data: bytes) -> None:
    for smtputf8 in (False, True):
        try:
            command = parse_command(data, smtputf8=smtputf8)
        except BadCommand as error:
            line = Reply.of(error).encode()
            if not (line.startswith((b"4", b"5")) and line.isascii()):
                raise AssertionError(line) from error
            continue
        if parse_command(command.encode()[:-2], smtputf8=smtputf8) != command:
            raise AssertionError(command)
        if parse_command(data + b" ", smtputf8=smtputf8) != command:  # the short way and the long way agree
            raise AssertionError(command)
        if not command.redacted().isprintable():
            raise AssertionError(command)
