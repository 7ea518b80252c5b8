"""Parameters of a part's fields, written and read."""

from __future__ import annotations

from email import message_from_string, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.parameter import media_type, read_disposition, read_type, written

VISIBLE = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=300)


@given(VISIBLE)
def test_a_name_comes_back(name: str) -> None:
    """By our own reader, whatever its characters and its length; lines keep to 78 octets."""
    field = f"attachment{written('filename', name)}"

    assert field.isascii()
    assert all(len(line) <= 78 for line in field.split("\r\n") if "*" in line)
    assert read_disposition(field.replace("\r\n", "").encode())[1] == {"filename": name} or "=?" in name


@pytest.mark.parametrize(
    "name", ["a.pdf", 'a"b\\c.pdf', "Grüße.pdf", "ü" * 100 + ".pdf", "a" * 200, "a'b*c%41.txt", "日本.txt"]
)
def test_the_standard_library_reads_it_too(name: str) -> None:
    """RFC 2231 is what others make of it."""
    text = f"Content-Type: application/pdf\r\nContent-Disposition: attachment{written('filename', name)}\r\n\r\nx\r\n"

    assert message_from_string(text, policy=policy.default).get_filename() == name


@pytest.mark.parametrize("name", ["a\r\nX: y", "a\0b", "\x1b[2J", "a\u2028b", "a\ud800", "x" * 1_001])
def test_hostile_names_are_refused(name: str) -> None:
    """E08: a file's name is no way into the header."""
    with pytest.raises(InvalidMessage):
        written("filename", name)


def test_media_types_are_checked() -> None:
    """One type, its parameters quoted; no multipart, no line break."""
    assert media_type("Application/PDF") == "application/pdf"
    assert media_type("text/csv; charset=utf-8; header=present") == (
        'text/csv;\r\n charset="utf-8";\r\n header="present"'
    )
    for text in (
        "pdf",
        "a/b c",
        "a/b; c",
        "a/b\r\nX: y",
        "",
        "multipart/mixed; boundary=x",
        "message/rfc822",
        "a/b; c=d e",
    ):
        with pytest.raises(InvalidMessage):
            media_type(text)


@pytest.mark.parametrize(
    "value, kind, parameters",
    [
        (b"text/plain", "text/plain", {}),
        (b'Multipart/Mixed; BOUNDARY="a;b\\"c"', "multipart/mixed", {"boundary": 'a;b"c'}),
        (b"a/b;x=1;x=2", "a/b", {"x": "1"}),
        (b"a/b; name*=utf-8'de'Gr%C3%BC%C3%9Fe", "a/b", {"name": "Grüße"}),
        (b"a/b; name*1=b; name*0=a", "a/b", {"name": "ab"}),
        (b"a/b; name*0*=iso-8859-1''%FC; name*1=x", "a/b", {"name": "üx"}),
        (b'a/b; name="=?utf-8?q?Gr=C3=BC=C3=9Fe?="', "a/b", {"name": "Grüße"}),
        (b"a/b; ; name=x", "a/b", {"name": "x"}),
        (b"a/b; name=x junk; z=1", "a/b", {"name": "x"}),
        (b"nonsense", "", {}),
        (b"", "", {}),
    ],
)
def test_what_others_write(value: bytes, kind: str, parameters: dict[str, str]) -> None:
    """Is read as far as it can be."""
    assert read_type(value) == (kind, parameters)


def test_too_many_are_refused() -> None:
    """E13: 5,000 parameters of RFC 2231 cost 1.1 s elsewhere."""
    many = b"".join(b"; n*%d*=%%41" % number for number in range(120))
    with pytest.raises(InvalidMessage, match="100 parameters"):
        read_type(b"a/b" + many)
    with pytest.raises(InvalidMessage, match="octets"):
        read_type(b"a/b" + many * 42)
