"""Octets that are sent as they are, or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from mailward import INSECURE_PLAINTEXT, Client
from mailward.client.raw import prepare_raw
from mailward.errors import InvalidMessage
from tests.support.hostile import CHUNKING, HostileServer, Script, hostile_server
from tests.support.sending import MESSAGE

BIG = MESSAGE + (b".dots\r\n" + b"x" * 90 + b"\r\n") * 5000
ENVELOPE: dict[str, Any] = {"sender": "ann@example.test", "recipients": "bob@example.test"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "message.eml").write_bytes(BIG)
    return tmp_path / "message.eml"


def connected(server: HostileServer) -> Client:
    return Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT)


def octets(content: Any) -> bytes:
    prepared = prepare_raw(content, **ENVELOPE).content
    return prepared if isinstance(prepared, bytes) else b"".join(prepared.pieces())


def test_octets_a_path_and_an_open_file(file: Path) -> None:
    """Each gives exactly what it holds."""
    assert octets(BIG) == BIG
    assert octets(file) == BIG
    assert octets(str(file)) == BIG
    with file.open("rb") as opened:
        assert octets(opened) == BIG


def test_a_stream_that_cannot_be_read_twice(file: Path) -> None:
    """It is kept in a file without a name, so that it can be looked through first."""

    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            data = opened.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

    with file.open("rb") as opened:
        stream: BinaryIO = io.BufferedReader(Pipe())
        assert octets(stream) == BIG


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE.replace(b"\r\n", b"\n"),
        MESSAGE + b"bare \n lf\r\n",
        MESSAGE + b"bare \r cr\r\n",
        MESSAGE + b"nul \0\r\n",
        MESSAGE + b"x" * 1200 + b"\r\n",
        MESSAGE[:-2],
        b"Bcc: eve@example.test\r\n" + MESSAGE,
    ],
    ids=["lf", "bare-lf", "bare-cr", "nul", "long", "no-end", "bcc"],
)
def test_what_cannot_be_sent_as_it_is(message: bytes, tmp_path: Path) -> None:
    """It is refused, never mended, in memory as in a file."""
    (tmp_path / "bad.eml").write_bytes(message)
    for content in (message, tmp_path / "bad.eml"):
        with pytest.raises(InvalidMessage):
            prepare_raw(content, **ENVELOPE)


def test_what_is_no_content() -> None:
    """A number is none."""
    content: Any = 7
    with pytest.raises(InvalidMessage, match="bytes, a path or an open"):
        prepare_raw(content, **ENVELOPE)


@pytest.mark.parametrize("keywords", [CHUNKING, ("PIPELINING",), ("CHUNKING",)], ids=["both", "pipelining", "chunking"])
def test_a_file_arrives_octet_by_octet(file: Path, keywords: tuple[str, ...]) -> None:
    """With BDAT and with DATA."""
    with hostile_server(Script(keywords=keywords)) as server, connected(server) as client:
        receipt = client.send_raw(file, **ENVELOPE)

    assert receipt.ok
    assert server.contents == [BIG]


def test_a_file_that_changes_on_the_way_is_not_sent(file: Path) -> None:
    """What was looked through is not what would leave: the final dot never does."""
    with hostile_server(Script(keywords=("PIPELINING",))) as server, connected(server) as client:
        submission = prepare_raw(file, **ENVELOPE)
        os.truncate(file, 1000)
        delivery = client._deliver(submission)

    assert delivery.receipt.outcome.value == "not-sent"
    assert server.contents == []
