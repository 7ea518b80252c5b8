"""Delivery status notifications: whatever comes back is read, or refused in one way (RFC 3464)."""

from __future__ import annotations

from mailward.errors import InvalidMessage
from mailward.message.dsn import read_report

_REPORT = b"Content-Type: message/delivery-status\r\n"
SEEDS = [
    b"".join(
        (
            b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n",
            _REPORT + b"\r\nReporting-MTA: dns; mx.example.test\r\nOriginal-Envelope-Id: 1\r\n\r\n",
            b"Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nStatus: 5.1.1\r\n",
            b"Diagnostic-Code: smtp; 550 5.1.1 no\r\n x\r\n--x\r\n",
            b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@x.y>\r\n\r\nhi\r\n--x--\r\n",
        )
    ),
    _REPORT + b"Content-Transfer-Encoding: base64\r\n\r\nWDogeQoKRmluYWwtUmVjaXBpZW50Og==",
    b"Content-Type: multipart/mixed; boundary*0=\"a\"; boundary*1*=utf-8''%41\r\n\r\n--aA\n\n--aA--",
    _REPORT + b"\r\nX: y\r\n\r\nFinal-Recipient: utf-8;\\x{FC}@b.c",
]


def target(data: bytes) -> None:
    """Nothing that is told holds a character that moves a cursor."""
    try:
        report = read_report(data)
    except InvalidMessage:
        return
    if report is None:
        return
    told = [report.envid, report.message_id, report.reporting_mta]
    for recipient in report.recipients:
        told += [recipient.original, recipient.final, recipient.action, recipient.status, recipient.diagnostic]
    for text in told:
        if not text.isprintable() or len(text) > 2_000:
            raise AssertionError(f"not to be shown: {text!r}")
