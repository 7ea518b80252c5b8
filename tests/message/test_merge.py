"""A message for each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.errors import InputError, InvalidMessage
from mailward.message.builder import Message
from mailward.message.merge import merge
from mailward.message.templates import Template

TEMPLATE = Template(from_="shop@example.test", to="{{ email }}", subject="Hi {{ name }}", text="x")


def told(messages: Iterator[Message]) -> list[tuple[str, str]]:
    return [(str(message.envelope.recipients[0]), message.subject) for message in messages]


def table(folder: Path, octets: bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(octets)
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_csv_file(tmp_path: Path, mark: bytes, end: bytes) -> None:
    """With or without a byte order mark, quotes, empty lines."""
    lines = [b"email, name", "bob@example.test,Böb".encode(), b"", b'"eve@example.test","Eve, ""E"""', b""]
    path = table(tmp_path, mark + end.join(lines))
    wanted = [("bob@example.test", "Hi Böb"), ("eve@example.test", 'Hi Eve, "E"')]

    assert told(merge(TEMPLATE, path)) == told(merge(TEMPLATE, str(path))) == wanted


def test_another_delimiter(tmp_path: Path) -> None:
    """As some programs write it."""
    assert told(merge(TEMPLATE, table(tmp_path, b"email;name\na@b.c;A\n"), delimiter=";")) == [("a@b.c", "Hi A")]


def test_mappings() -> None:
    """From anywhere, one at a time, as they are asked for."""
    seen = []

    def rows() -> Iterator[dict[str, str]]:
        for name in "abc":
            seen.append(name)
            yield {"email": f"{name}@x.test", "name": name}

    messages = merge(TEMPLATE, rows())
    assert seen == []
    assert str(next(messages).envelope.recipients[0]) == "a@x.test"
    assert seen == ["a"]
    assert [subject for _, subject in told(messages)] == ["Hi b", "Hi c"]


BAD = [
    (b"email,name\na@b.c\n", "line 2: it has 1 columns"),
    (b"email,name\na@b.c,A\nb@b.c,B,C\n", "line 3: it has 3 columns"),
    (b"email,name\na@b.c,\xff\n", "line 2: it is not UTF-8"),
    (b'email,name\na@b.c,"A\n', "line"),
    (b'email,name\na@b.c,"A"x\n', "line 2"),
    (b"email,name\nnobody,A\n", "line 2: "),
    (b"email,other\na@b.c,A\n", "line 2: template subject, line 1: 'name' is undefined"),
    (b"email,name\na@b.c,A\x00B\n", "line 2"),
    (b'email,name\na@b.c,"A\r\nBcc: e@x.test"\n', "line 3: header Subject"),
    (b'email,name\n"a@b.c, e@x.test",A\n', "line 2: not exactly one address"),
    (b'email,name\n"a@b.c\nRCPT TO:<e@x>",A\n', "line 3"),
    (b"email,name\na@b.c," + b"x" * 140_000 + b"\n", "line 2: field larger"),
    (b"email,name\na@b.c," + b"x" * 1_100_000 + b"\n", "more than 1048576 octets"),
    (b"email,name\na@b.c" + b',"' + b'x\n","' * 1_200_000, "a row has more than"),
    (b"", "line 1"),
    (b"email,e mail\n", "line 1: 'e mail' cannot be a name"),
    (b"email,email\n", "line 1: it must name each column once"),
    (b"email,{{7*7}}\n", "line 1"),
    (b",".join(b"c%d" % number for number in range(1_001)) + b"\n", "line 1"),
]


@pytest.mark.parametrize("content, reason", BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_row_is_placed(tmp_path: Path, content: bytes, reason: str) -> None:
    """By its line; E01, E02 and E08 from a table: no field of it becomes a header or a second recipient."""
    with pytest.raises(InvalidMessage, match=reason):
        told(merge(TEMPLATE, table(tmp_path, content)))


def test_bad_rows_may_be_left_out(tmp_path: Path) -> None:
    """Each is told with its line; the others go."""
    refused: list[InputError] = []
    path = table(tmp_path, b"email,name\nnobody,A\nb@b.c,B\nc@b.c\nd@b.c,D\n")

    assert told(merge(TEMPLATE, path, skip=refused.append)) == [("b@b.c", "Hi B"), ("d@b.c", "Hi D")]
    assert [error.message.partition(":")[0] for error in refused] == ["line 2", "line 4"]


def test_rows_that_are_none() -> None:
    """Are told by their number."""
    with pytest.raises(InvalidMessage, match="row 1: it is no mapping"):
        told(merge(TEMPLATE, [["a@b.c"]]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="No such file"):
        told(merge(TEMPLATE, "/nowhere/people.csv"))


def test_any_name_may_be_a_column(tmp_path: Path) -> None:
    """Those that Python itself uses, too."""
    template = Template(from_="a@b.c", to="{{ self_ }}", subject="{{ data }}", text="{{ name }}")
    path = table(tmp_path, b"self,self_,data,name,class\nx,d@e.f,D,N,C\n")

    assert told(merge(template, path)) == [("d@e.f", "D")]


def test_data_opens_nothing(tmp_path: Path) -> None:
    """E12: a path in a row is text."""
    (message,) = merge(TEMPLATE, table(tmp_path, b"email,name\na@b.c,/etc/passwd\n"))

    assert message.subject == "Hi /etc/passwd"
