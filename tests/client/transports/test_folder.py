from __future__ import annotations

import mailbox
import stat
from pathlib import Path

import pytest

from mailward.client.transports.folder import Maildir, PickupFolder
from mailward.errors import StoreError

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\nBcc: eve@example.test\r\n\r\n.\r\nFrom here\r\n"
WIRE = MESSAGE.replace(b"Bcc: eve@example.test\r\n", b"")


def test_a_maildir(tmp_path: Path) -> None:
    """Read by the standard library's reader; whole, private, and nothing is left in tmp."""
    transport = Maildir(tmp_path / "Mail")
    receipt = transport.send(MESSAGE)
    transport.send(MESSAGE, sender="")
    box = mailbox.Maildir(tmp_path / "Mail", create=False)
    files = list((tmp_path / "Mail" / "new").iterdir())

    assert sorted(str(message["Return-Path"]) for message in box) == ["<>", "<ann@example.test>"]
    assert len(files) == 2
    assert (tmp_path / "Mail" / "new" / str(receipt.queue_id)).read_bytes() == (
        b"Return-Path: <ann@example.test>\n" + WIRE.replace(b"\r\n", b"\n")
    )
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert list((tmp_path / "Mail" / "tmp").iterdir()) == []
    assert (tmp_path / "Mail" / "cur").is_dir()
    assert receipt.host == f"maildir:{tmp_path}/Mail"


def test_a_pickup_folder(tmp_path: Path) -> None:
    """The envelope on top, then the octets as they are; one .eml and no other file."""
    receipt = PickupFolder(tmp_path / "pickup").send(MESSAGE)
    (file,) = (tmp_path / "pickup").iterdir()

    assert file.name == receipt.queue_id
    assert file.suffix == ".eml"
    assert file.read_bytes() == (
        b"x-sender: ann@example.test\r\nx-receiver: bob@example.test\r\nx-receiver: eve@example.test\r\n" + WIRE
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """It is told, and stays as it is."""
    (tmp_path / "x").write_text("mine")
    with pytest.raises(StoreError) as caught:
        PickupFolder(tmp_path / "x").send(MESSAGE)

    assert caught.value.receipt.outcome == "not-sent"
    assert (tmp_path / "x").read_text() == "mine"


def test_names_are_never_the_same(tmp_path: Path) -> None:
    """Many at once, and each has its file."""
    transport = PickupFolder(tmp_path / "pickup")
    names = {transport.send(MESSAGE).queue_id for _ in range(50)}

    assert len(names) == len(list((tmp_path / "pickup").iterdir())) == 50
