"""Attachments."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mailward.errors import InputError, InvalidMessage
from mailward.message.attachment import Attachment, checked_cid, guessed, made_cid
from mailward.message.octets import Base64


def test_a_path_is_not_read(tmp_path: Path) -> None:
    """Its name and type are its own, its octets stay on the disk."""
    path = tmp_path / "Grüße.pdf"
    path.write_bytes(b"%PDF")
    attachment = Attachment.of(path, name=None, type=None)
    leaf = attachment.leaf()

    assert (attachment.name, attachment.type) == ("Grüße.pdf", "application/pdf")
    assert isinstance(leaf.body, Base64)
    assert "filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf" in leaf.fields


def test_octets_and_files() -> None:
    """A name gives the type, and what was said goes before it."""
    assert Attachment.of(b"x", name="a.csv", type=None).type == "text/csv"
    assert Attachment.of(b"x", name=None, type=None).leaf().fields.count("filename") == 0
    assert Attachment.of(io.BytesIO(b"x"), name="a.csv", type="text/csv; charset=utf-8").type.endswith('"utf-8"')


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.html", "text/html"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.eml", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a.PNG", "image/png"),
    ],
)
def test_types_by_name(name: str, kind: str) -> None:
    """What is packed is but octets, and a message in a file is but a file: it may be encoded."""
    assert guessed(name) == kind


@pytest.mark.parametrize("place", ["https://example.org/x", "file:///etc/passwd", "data:,x", "http://127.0.0.1/"])
def test_a_url_is_no_file(place: str) -> None:
    """E12: nothing is fetched; it is the name of a file that is not there."""
    with pytest.raises(InputError, match="No such file"):
        Attachment.of(place, name=None, type=None)


def test_content_ids() -> None:
    """What HTML can name; made ones are the same each time."""
    assert checked_cid("logo@example.org") == "logo@example.org"
    assert made_cid(b"x", 0) == made_cid(b"x", 0) != made_cid(b"y", 0)
    assert checked_cid(made_cid(b"x", 3))
    for cid in ("", "a b", "a>", "a\r\nX: y", "a@b@c", "ü"):
        with pytest.raises(InvalidMessage):
            checked_cid(cid)


def test_a_hostile_name_is_refused() -> None:
    """E08."""
    with pytest.raises(InvalidMessage):
        Attachment.of(b"x", name='a"\r\nX: y', type=None).leaf()


@pytest.mark.parametrize(
    "made",
    [
        lambda: Attachment(b"x", "n", "text/plain\r\nX-Evil: y"),
        lambda: Attachment(b"x", "n", "image/png", "a>\r\nX-Evil: y"),
        lambda: Attachment(b"a: b\r\n\r\n\0", "n", "message/rfc822").leaf(),
    ],
)
def test_made_by_hand(made: object) -> None:
    """No field, and no message that cannot be sent, comes in by an attachment that is not made with `of`."""
    assert callable(made)
    with pytest.raises(InvalidMessage):
        made()


def test_bare_line_breaks_of_a_message_attached_by_hand() -> None:
    """They become CRLF, for a bare LF before a dot may end the content for some servers."""
    body = Attachment(b"a: b\n\n.\n", "n", "message/rfc822").leaf().body
    assert body == b"a: b\r\n\r\n.\r\n"
