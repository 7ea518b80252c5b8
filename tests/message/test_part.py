"""The parts of a message as octets."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailward.errors import InvalidMessage
from mailward.message.part import Group, Leaf, Part, group, message_leaf, octets_leaf, rendered, text_leaf


def octets(part: Part, seed: str = "1") -> bytes:
    segments = list(rendered(part, seed))
    assert all(isinstance(segment, bytes) for segment in segments)
    return b"".join(segment for segment in segments if isinstance(segment, bytes))


def parsed(part: Part) -> EmailMessage:
    message = message_from_bytes(b"MIME-Version: 1.0\r\n" + octets(part), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def plain(text: str) -> Leaf:
    return text_leaf(text, "text/plain; charset=utf-8", eight_bit=False)


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("Hello\n", "7bit"),
        ("Grüße und mehr als das\n", "quoted-printable"),
        ("äöü", "base64"),
        ("x" * 999, "quoted-printable"),
        (".\r\n..\n\r", "7bit"),
        ("", "7bit"),
        ("From x\n", "7bit"),
        ("=_" * 500, "quoted-printable"),
    ],
)
def test_text_is_carried(text: str, encoding: str) -> None:
    """E10: every line break becomes CRLF, no line is over 998, and the text comes back."""
    leaf = plain(text)
    message = parsed(leaf)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")

    assert message["Content-Transfer-Encoding"] == encoding
    assert isinstance(leaf.body, bytes)
    assert all(len(line) <= 998 for line in leaf.body.split(b"\r\n"))
    assert leaf.body.isascii()
    assert message.get_content().rstrip("\r\n") == wanted.rstrip("\r\n")


def test_eight_bit_where_it_may() -> None:
    """For servers with 8BITMIME."""
    leaf = text_leaf("Grüße\n", "text/plain", eight_bit=True)

    assert leaf.body == "Grüße\r\n".encode()
    assert "8bit" in leaf.fields


def test_a_lone_surrogate_is_refused() -> None:
    """It is no text."""
    with pytest.raises(InvalidMessage, match="surrogate"):
        plain("a\ud800")


def test_groups_within_groups() -> None:
    """Each with a boundary of its own, the same each time."""
    inner = group("alternative", [plain("a"), plain("b")])
    outer = group("mixed", [inner, octets_leaf(b"\0\xff", "application/octet-stream"), plain("c")])
    message = parsed(outer)

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/plain",
        "application/octet-stream",
        "text/plain",
    ]
    boundaries = {part.get_boundary() for part in message.walk()} - {None}
    assert len(boundaries) == 2
    assert octets(outer) == octets(outer)
    assert octets(outer) != octets(outer, "2")
    assert not any(part.defects for part in message.walk())


def test_a_group_of_one_is_the_part() -> None:
    """No multipart for nothing."""
    leaf = plain("a")

    assert group("mixed", [leaf]) is leaf


def test_a_body_cannot_end_its_part() -> None:
    """Whoever knows a boundary cannot put it into the text: it is a digest of the text."""
    first = parsed(Group("mixed", (plain("a"), plain("b"))))
    forged = f"a\r\n--{first.get_boundary()}--\r\nX: y\r\n"
    message = parsed(Group("mixed", (plain(forged), plain("b"))))

    assert [part.get_content().strip() for part in message.iter_parts()] == [forged.strip(), "b"]


def test_a_message_in_a_message() -> None:
    """Stands as it is."""
    content = b"Subject: in\r\n\r\n\xc3\xbc\r\n"
    leaf = message_leaf(content)

    assert leaf.body == content
    assert "8bit" in leaf.fields
    inner = next(parsed(Group("mixed", (plain("a"), leaf))).iter_attachments()).get_content()
    assert inner["Subject"] == "in"
