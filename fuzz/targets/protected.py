"""Any message to be signed or encrypted: refused, or carried by its outer one without a change to what was signed."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage

from mailward.errors import InputError
from mailward.message.content import content_of
from mailward.message.protected import AnyMail, Parted, boundary_of, signed, written

SEEDS: list[bytes] = [
    b"From: ann@example.test\r\nTo: bob@example.test\r\nContent-Type: text/plain\r\n\r\nx \r\nFrom y\r\n.\r\n",
    b"From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nFrom \n--b\nContent-Type: message/rfc822\n\n--b--",
    b"From: a@b.c\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx \r\n--b--\r\n",
    b"From: a@b.c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=46rom =\r\nFrom \t\r\n",
    b'From: a@b.c\r\nContent-Type: text/plain; charset="x\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n',
    b"Subject: =?utf-8?q?a?=\r\nBcc: eve@example.test\r\nContent-Type: text/plain;\r\n\r\n\xff\r\n",
    b"Content-Type:\r\nContent-Type: text/html\r\n\r\n",
]


def target(data: bytes) -> None:
    every: list[AnyMail] = [data, message_from_bytes(data), *_parsed(data)]
    for given in every:
        try:
            parted = Parted.of(given)
            _check_carried(parted)
            _check_carried(parted.with_header_inside("cipher"))
        except InputError as error:
            if not str(error).isprintable():
                raise AssertionError(f"not fit for a terminal: {error!r}") from None


def _parsed(data: bytes) -> list[EmailMessage]:
    """None where the standard library's own parser fails."""
    try:
        return [message_from_bytes(data, policy=policy.default)]
    except (LookupError, ValueError, AttributeError, TypeError, AssertionError, MessageError):
        return []


def _check_carried(parted: Parted) -> None:
    if not parted.entity.isascii():
        return  # inside an encrypted one a header may be UTF-8
    boundary = boundary_of(parted.entity)
    body = signed(parted.entity, written([("Content-Type", "text/x")], b"x\r\n"), boundary)
    content = content_of(parted.joined([("Content-Type", f'multipart/signed; boundary="{boundary}"')], body))
    if not content.endswith(b"\r\n\r\n" + body):
        raise AssertionError(f"what was signed is another: {content!r}")
    header = content[: -len(body)].lower()
    if b"\nbcc:" in b"\n" + header or b"\nbcc:" in b"\n" + parted.entity.split(b"\r\n\r\n")[0].lower():
        raise AssertionError("a Bcc is told")
