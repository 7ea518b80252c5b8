"""Files of networks."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from mailward.guard import address_file
from mailward.guard.address_file import AddressFile

GOOD = "\ufeff# the office\n192.0.2.0/24  # both floors\r\n\n  2001:db8::/32\n::ffff:198.51.100.7"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "office.cidr"
    written.write_text(GOOD)
    return written


def inside(file: AddressFile, address: str) -> bool:
    return ip_address(address) in file.networks


def test_read(path: Path) -> None:
    """One entry a line; comments, empty lines, CRLF and a byte order mark are no matter, nor is a missing last end."""
    file = AddressFile(path)

    assert file.look()
    assert file.faults == ()
    assert all(inside(file, address) for address in ("192.0.2.255", "2001:db8::1", "198.51.100.7"))
    assert not inside(file, "198.51.100.8")


def test_read_again_only_when_it_changed(path: Path) -> None:
    """The same size and another time, or another file with the same of both: read again. Else not."""
    file = AddressFile(path)
    file.look()
    before = path.stat()

    assert not file.look()
    path.write_text(GOOD.replace("192.0.2", "192.0.3"))
    assert file.look()
    assert not inside(file, "192.0.2.1")
    assert inside(file, "192.0.3.1")
    other = path.with_name("other")
    other.write_text(GOOD.replace("192.0.2", "192.0.4"))
    os.utime(other, ns=(before.st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert file.look()
    assert inside(file, "192.0.4.1")


def test_all_faults_at_once(path: Path) -> None:
    """Each wrong line is named with its file, its number and what to write."""
    path.write_bytes(b"192.0.2.1/24\n10.0.0.0/8\nx\xff\nmail.example.test # no name\n\x1b[2J\n")
    file = AddressFile(path)

    assert not file.look()
    assert [(fault.file, fault.line) for fault in file.faults] == [(str(path), line) for line in (1, 3, 4, 5)]
    assert str(file.faults[0]).startswith(f"{path}:1: ")
    assert "write 192.0.2.0/24 or 192.0.2.1" in file.faults[0].advice
    assert "UTF-8" in file.faults[1].advice
    assert all(str(fault).isprintable() for fault in file.faults)
    assert not inside(file, "10.0.0.1")


def test_a_bad_file_keeps_the_old_content(path: Path) -> None:
    """Broken, gone, a directory: what was read before stays; told until the file is good again, even the very same."""
    file = AddressFile(path)
    file.look()
    path.write_text("192.0.3.0/24\nrubbish\n")

    for _ in range(2):
        assert not file.look()
        assert [fault.line for fault in file.faults] == [2]
        assert inside(file, "192.0.2.1")
        assert not inside(file, "192.0.3.1")
    path.unlink()
    assert not file.look()
    assert "No such file" in str(file.faults[0])
    path.mkdir()
    assert not file.look()
    assert "regular file" in str(file.faults[0])
    path.rmdir()
    path.write_text("192.0.3.0/24\n")
    assert file.look()
    assert file.faults == ()
    assert inside(file, "192.0.3.1")


def test_bounds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large is refused before it is understood, and no more than so many faults are told."""
    path.write_text("x\n" * 1000)
    file = AddressFile(path)
    file.look()
    assert len(file.faults) == 20
    monkeypatch.setattr(address_file, "MOST_OCTETS", 1999)
    path.write_text("y\n" * 1000)
    file.look()
    assert "larger than 1999 octets" in str(file.faults[0])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Only a regular file is opened."""
    os.mkfifo(tmp_path / "pipe")
    file = AddressFile(tmp_path / "pipe")

    assert not file.look()
    assert "regular file" in str(file.faults[0])
