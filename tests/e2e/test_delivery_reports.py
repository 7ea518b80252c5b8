"""Reports that a real server writes are read, and find the receipt of the message they are about."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

import mailward
from mailward.message.builder import Message
from mailward.message.dsn import DeliveryReport, read_report
from tests.support.certificates import authority, issue
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix")]

REFUSING = (
    "virtual_alias_maps = inline:{ { dave@inbox.test = dave@gone.test } }\n"
    "transport_maps = inline:{ { gone.test = error:5.7.1 dave takes no mail } }\n"
)


def test_postfix_reports(tmp_path: Path) -> None:
    """One recipient has it, one is somebody else who will not: each report names envelope id, status and message.

    What arrives is what was made: text, HTML and the file that was streamed.
    """
    (tmp_path / "Grüße.bin").write_bytes(bytes(range(256)) * 1_000)
    message = Message(
        from_="bob@inbox.test",
        to=["carol@inbox.test", "dave@inbox.test"],
        subject="Grüße",
        text="Hello\n.\n",
        html="<p>Hello",
    ).attach(tmp_path / "Grüße.bin")
    with Postfix(tls=issue(), settings=REFUSING) as postfix:
        with mailward.Client("127.0.0.1", postfix.port, ca=authority().pem) as client:
            other, receipt = (client.send(each, dsn="success,failure") for each in (_plain(), message))
        reports = [_read(raw) for raw in postfix.delivered("bob", 3)]
        arrived = max(postfix.delivered("carol", 2), key=len)

    ours = [report for report in reports if report.receipt_among([other, receipt]) is receipt]
    found = sorted((recipient.final, recipient.action) for report in ours for recipient in report.recipients)
    assert found == [
        ("carol@inbox.test", "delivered"),
        ("dave@gone.test", "failed"),
        ("dave@inbox.test", "expanded"),
    ]
    assert {(report.envid, report.message_id) for report in ours} == {(receipt.envid, message.message_id)}
    assert {recipient.original for report in ours for recipient in report.recipients} == {
        "carol@inbox.test",
        "dave@inbox.test",
    }
    (failed,) = (recipient for report in ours for recipient in report.failed)
    assert (failed.status, failed.diagnostic) == ("5.7.1", "dave takes no mail")
    _check_arrived(arrived)


def _plain() -> Message:
    return Message(from_="bob@inbox.test", to="carol@inbox.test", text="x")


def _read(raw: bytes) -> DeliveryReport:
    report = read_report(raw)
    assert report is not None
    return report


def _check_arrived(raw: bytes) -> None:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text = message.get_body(["plain"])
    assert text is not None
    assert text.get_content() == "Hello\n.\n"
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("Grüße.bin", bytes(range(256)) * 1_000)
