"""`mailward.Message`; what every composed message must be is in test_compose.py, too."""

from __future__ import annotations

import io
import tracemalloc
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidMessage
from mailward.message.attachment import Attachment
from mailward.message.builder import Message
from mailward.message.content import content_of, octets_of
from mailward.message.envelope import envelope_of
from mailward.message.headers import fields, header

DATE = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def message(**changes: Any) -> Message:
    parts: dict[str, Any] = {
        "from_": "Ann <ann@example.test>",
        "to": "bob@example.test",
        "subject": "Hello",
        "text": "Hello Bob,\n",
    }
    return Message(**(parts | {"date": DATE, "message_id": "<1@example.test>"} | changes))


def octets(draft: Message) -> bytes:
    content = draft.as_octets()
    if isinstance(content, bytes):
        return content
    joined = b"".join(content.pieces())
    assert len(joined) == content.size
    return joined


def parsed(draft: Message) -> EmailMessage:
    found = message_from_bytes(octets(draft), policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert not any(part.defects for part in found.walk())
    return found


def shape(part: Any) -> Any:
    inner = [shape(each) for each in part.iter_parts()] if part.is_multipart() else None
    return part.get_content_type() if inner is None else (part.get_content_subtype(), *inner)


def test_the_whole_shape(tmp_path: Path) -> None:
    """Mixed around related around alternative: what is shown together stays together, and files stand beside it."""
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    draft = message(html='<img src="cid:logo">').attach(tmp_path / "report.pdf").attach(b"a,b", name="data.csv")

    assert draft.embed(PNG, "logo", type="image/png") == "logo"
    draft.alternative("<html amp4email></html>", "text/x-amp-html")
    found = parsed(draft)

    assert shape(found) == (
        "mixed",
        ("related", ("alternative", "text/plain", "text/x-amp-html", "text/html"), "image/png"),
        "application/pdf",
        "text/csv",
    )
    related = next(found.iter_parts())
    assert related.get_param("type") == "multipart/alternative"
    picture = list(related.iter_parts())[1]
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<logo>", "inline")
    assert picture.get_content() == PNG
    assert [(part.get_filename(), part.get_content_disposition()) for part in found.iter_attachments()] == [
        ("report.pdf", "attachment"),
        ("data.csv", "attachment"),
    ]


@pytest.mark.parametrize(
    "html, embedded, attached, wanted",
    [
        (None, 0, 0, "text/plain"),
        ("<p>", 0, 0, ("alternative", "text/plain", "text/html")),
        (None, 0, 1, ("mixed", "text/plain", "application/octet-stream")),
        ("<p>", 1, 0, ("related", ("alternative", "text/plain", "text/html"), "image/png")),
    ],
)
def test_no_more_structure_than_needed(html: str | None, embedded: int, attached: int, wanted: object) -> None:
    """A group of one is none."""
    draft = message(html=html)
    for _ in range(embedded):
        draft.embed(PNG, type="image/png")
    for _ in range(attached):
        draft.attach(b"x")

    assert shape(parsed(draft)) == wanted


def test_related_names_its_root() -> None:
    """RFC 2387: its type, where HTML stands alone too."""
    draft = message(text=None, html="<p>")
    draft.embed(PNG, type="image/png")

    assert parsed(draft).get_param("type") == "text/html"


def test_files_are_read_when_sent(tmp_path: Path) -> None:
    """In pieces, as often as asked; what changed meanwhile is not sent."""
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 1_000)
    draft = message().attach(path)
    content = draft.as_octets()

    assert not isinstance(content, bytes)
    assert octets(draft) == b"".join(content.pieces())
    assert next(parsed(draft).iter_attachments()).get_content() == path.read_bytes()
    path.write_bytes(b"other")
    with pytest.raises(InvalidMessage, match="changed"):
        octets(draft)


def test_large_files_cost_no_memory(tmp_path: Path) -> None:
    """16 MiB go by within 2 MiB, and the size is known before."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(1 << 24)
    tracemalloc.start()
    try:
        content = message().attach(path).as_octets()
        assert not isinstance(content, bytes)
        assert sum(map(len, content.pieces())) == content.size > (1 << 24) * 4 // 3
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_an_open_file_has_its_name(tmp_path: Path) -> None:
    """And one in memory has none."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        draft = message().attach(file).attach(io.BytesIO(b"def"))
        files = [(part.get_filename(), part.get_content_type()) for part in parsed(draft).iter_attachments()]

    assert files == [("a.txt", "text/plain"), (None, "application/octet-stream")]


def test_bcc_is_in_the_envelope_alone() -> None:
    """Never in what goes on the wire; the standard library's form has it, as that expects."""
    draft = message(cc="c@example.test", bcc=["D <d@example.test>", "bob@example.test"])

    assert [str(each) for each in draft.envelope.recipients] == ["bob@example.test", "c@example.test", "d@example.test"]
    assert b"d@example.test" not in octets(draft)
    assert draft.as_email_message()["Bcc"] == "D <d@example.test>, bob@example.test"
    assert envelope_of(octets_of(draft.as_email_message())) == draft.envelope
    assert content_of(draft.as_email_message()) == octets(draft)


def test_who_sends_for_whom() -> None:
    """Sender where it is not the author; the envelope is then the sender's."""
    several = message(from_=["a@example.test", "b@example.test"], sender="s@example.test")

    assert header(octets(several), "Sender") == b"s@example.test"
    assert str(several.envelope.sender) == "s@example.test"
    assert header(octets(message(from_=(), sender="s@example.test")), "From") == b"s@example.test"
    with pytest.raises(InvalidMessage, match="several authors"):
        message(from_=["a@example.test", "b@example.test"])
    with pytest.raises(InvalidMessage, match="no sender"):
        message(from_=())


def test_date_and_id_are_given_once() -> None:
    """By whoever sends, from its clock and chance, and they stay: a second try is the same message."""
    draft = message(date=None, message_id=None)
    with pytest.raises(InvalidMessage, match="no Date"):
        draft.as_octets()

    nonces = iter(["one", "two"])
    first = octets(draft.complete(lambda: DATE, lambda: next(nonces)))

    assert header(first, "Message-ID") == b"<one@example.test>"
    assert octets(draft.complete(lambda: DATE.replace(year=2030), lambda: next(nonces))) == first
    assert message().complete(lambda: DATE, lambda: "x").message_id == "<1@example.test>"


def test_known_fields() -> None:
    """Priority, one click, read receipt, replies: each where readers look for it."""
    found = octets(
        message(
            priority="high",
            list_unsubscribe=("https://example.org/u?x=1", "mailto:leave@example.org"),
            read_receipt_to="Ann <ann@example.test>",
            reply_to=["r@example.test", "s@example.test"],
            headers={"X-Tag": "Grüße", "Resent-To": "Bob <b@example.test>"},
        )
    )

    assert header(found, "X-Priority") == b"1 (Highest)"
    assert header(found, "Importance") == b"high"
    assert header(found, "List-Unsubscribe") == b"<mailto:leave@example.org>, <https://example.org/u?x=1>"
    assert header(found, "List-Unsubscribe-Post") == b"List-Unsubscribe=One-Click"
    assert header(found, "Disposition-Notification-To") == b"Ann <ann@example.test>"
    assert header(found, "Reply-To") == b"r@example.test, s@example.test"
    assert header(found, "X-Tag") == b"=?utf-8?b?R3LDvMOfZQ==?="
    assert header(octets(message(priority="low")), "X-Priority") == b"5 (Lowest)"
    assert header(octets(message()), "X-Priority") is None
    with pytest.raises(InvalidMessage, match="no priority"):
        message(priority="urgent")


@pytest.mark.parametrize(
    "changes",
    [
        {"reply_to": "a@b.c\r\nBcc: e@x"},
        {"read_receipt_to": "a@b.c, d@e.f"},
        {"read_receipt_to": "a@b.c\nX: y"},
        {"list_unsubscribe": "https://a.b/\r\nX: y"},
        {"headers": {"X-A": "1", "x-a": "2"}},
        {"headers": {"Importance": "high"}, "priority": "high"},
        {"headers": {"Reply-To": "a@b.c"}, "reply_to": "a@b.c"},
        {"headers": {"List-Unsubscribe": "<x>"}, "list_unsubscribe": "https://a.b/"},
        {"headers": {"Sender": "e@x"}},
        {"headers": {"X": "a\r\nBcc: e@x"}},
        {"subject": "a\nBcc: e@x"},
        {"message_id": "<a@b>\r\nX: y"},
        {"from_": "a@b.c\r\nX: y"},
        {"sender": "a@b.c,d@e.f"},
    ],
)
def test_no_field_becomes_two(changes: dict[str, Any]) -> None:
    """E01, E02 and E08 for every place that takes text."""
    with pytest.raises(InputError):
        message(**changes)


@pytest.mark.parametrize(
    "act",
    [
        lambda draft: draft.attach(b"x", name='a"\r\nX: y').as_octets(),
        lambda draft: draft.attach(b"x", type="text/plain\r\nX: y"),
        lambda draft: draft.embed(b"x", "a>\r\nX: y", type="image/png"),
        lambda draft: draft.embed(b"x", type="image/png\r\nX: y"),
        lambda draft: draft.alternative("x", "text/plain\r\nX: y"),
        lambda draft: draft.embed(b"x"),
        lambda draft: (draft.embed(b"x", "a", type="image/png"), draft.embed(b"x", "a", type="image/png")),
        lambda draft: draft.attach("https://example.org/x"),
        lambda draft: draft.attach("/dev/zero"),
    ],
)
def test_parts_are_checked(act: Any) -> None:
    """E08 and E12 for what is attached: names and types are checked, URLs and devices are no files."""
    with pytest.raises(InputError):
        act(message())


def test_changed_text_is_checked_when_sent() -> None:
    """The subject and the bodies may be changed until then."""
    draft = message()
    draft.subject = "x\r\nBcc: e@x"
    with pytest.raises(InvalidMessage, match="Subject"):
        draft.as_octets()

    draft.subject, draft.text, draft.html = "Grüße", None, None
    with pytest.raises(InvalidMessage, match="neither text nor html"):
        draft.as_octets()


def test_a_message_as_attachment() -> None:
    """Stands as it is, neither quoted-printable nor base64 (RFC 2046 §5.2.1)."""
    inner = b"Subject: in\r\n\r\nx\r\n"
    draft = message().attach(Attachment(inner, "in.eml", "message/rfc822"))

    assert inner in octets(draft)
    assert draft.attachments[0].name == "in.eml"


def test_what_has_no_recipient_may_be_sent_to_some() -> None:
    """Only its own envelope cannot be asked for."""
    draft = message(to=())

    assert [name for name, _ in fields(octets(draft))].count("to") == 0
    with pytest.raises(InvalidMessage, match="no recipient"):
        _ = draft.envelope


_texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)
_files = st.lists(st.tuples(_texts.filter(str.strip), st.binary(max_size=200)), max_size=3)


@given(_texts, st.none() | _texts, st.none() | _texts, _files, st.integers(0, 2))
def test_any_message_arrives_whole(
    subject: str, text: str | None, html: str | None, files: list[tuple[str, bytes]], pictures: int
) -> None:
    """Text, HTML, files and pictures are read by the standard library as they were given; any server can carry it."""
    draft = message(subject=subject, text=text, html=html)
    for name, content in files:
        draft.attach(content, name=name, type="application/octet-stream")
    for number in range(pictures):
        draft.embed(b"%d" % number, type="image/png")
    if text is None and html is None:
        with pytest.raises(InvalidMessage):
            draft.as_octets()
        return
    found = parsed(draft)

    assert content_of(octets(draft)) == octets(draft) == octets_of(draft.as_email_message())
    assert octets(draft).isascii()
    assert max(map(len, octets(draft).split(b"\r\n"))) <= 998
    for kind, given_text in (("plain", text), ("html", html)):
        body = found.get_body([kind])
        assert given_text is None or (body is not None and body.get_content().rstrip("\r\n") == given_text)
    told = [(part.get_filename(), part.get_content()) for part in found.walk() if part.get_filename()]
    assert [content for _, content in told] == [content for _, content in files]
    assert [part.get_content() for part in found.walk() if part["Content-ID"]] == [b"%d" % n for n in range(pictures)]


def test_the_repr_tells_no_content() -> None:
    """It ends up in logs."""
    assert repr(message(text="secret words")) == "<Message <1@example.test> from Ann <ann@example.test>>"


def test_no_resent_bcc() -> None:
    """Everybody would read it."""
    with pytest.raises(InvalidMessage):
        message(headers={"Resent-Bcc": "secret@example.org"})
