"""The file of breached passwords' hashes."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailward.accounts.breached_build import build
from mailward.accounts.breached_filter import HEADER, BreachedFilter, key_of, password_key
from mailward.errors import InputError

PASSWORDS = [f"kite-{number}" for number in range(2000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    build(io.BytesIO("\n".join(PASSWORDS).encode()), tmp_path / "own.filter")
    return tmp_path / "own.filter"


def test_look_up(path: Path) -> None:
    """What is in it is found, the first and the last hash too; what is not, is not."""
    known = BreachedFilter(path)

    assert all(password_key(each) in known for each in PASSWORDS)
    assert not any(password_key(f"otter-{number}") in known for number in range(2000))
    assert 0 not in known
    assert (1 << 64) - 1 not in known


def test_key_is_the_beginning_of_a_sha1() -> None:
    """As the downloadable sets have it."""
    assert password_key("password") == 0x5BAA61E4C9B93F3F
    assert key_of(bytes.fromhex("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")) == password_key("password")
    assert password_key("\udcff") > 0


def test_look_ups_are_quick(path: Path) -> None:
    """Some microseconds each; a hundred times that is allowed here."""
    known = BreachedFilter(path)
    began = time.perf_counter()
    for number in range(2000):
        _ = number * 0x9E3779B97F4A7C15 % (1 << 64) in known

    assert (time.perf_counter() - began) / 2000 < 300e-6


def test_whole(path: Path) -> None:
    """verify says nothing of a good file, and its header tells what it holds."""
    known = BreachedFilter(path)
    known.verify()

    assert known.header.entries == 2000
    assert known.header.size == path.stat().st_size
    assert 0 < known.header.rate <= 1e-6


@pytest.mark.parametrize("size", [0, 7, 8, 63, 64, 1000, -1])
def test_cut_short(path: Path, size: int) -> None:
    """A file that lost its end is told at once."""
    octets = path.read_bytes()
    path.write_bytes(octets[:size])

    with pytest.raises(InputError, match=r"own\.filter is (damaged|no filter)"):
        BreachedFilter(path)


def test_another_kind_of_file(path: Path) -> None:
    """It says how one is made."""
    path.write_text("password\n" * 100)
    with pytest.raises(InputError, match="no filter") as caught:
        BreachedFilter(path)

    assert "mailward breached build" in caught.value.advice


def test_absent(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(InputError, match="absent: No such file"):
        BreachedFilter(tmp_path / "absent")
    with pytest.raises(InputError):
        BreachedFilter(tmp_path)


def test_another_version(path: Path) -> None:
    """A newer format is no damage."""
    octets = bytearray(path.read_bytes())
    octets[8:10] = struct.pack(">H", 2)
    octets[60:64] = zlib.crc32(octets[:60]).to_bytes(4, "big")
    path.write_bytes(octets)

    with pytest.raises(InputError, match="version 2"):
        BreachedFilter(path)


@settings(max_examples=20)
@given(st.data())
def test_any_changed_octet_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """By the header's checksum at once, by the other one when all of it is read; a look-up never fails otherwise."""
    path = tmp_path_factory.mktemp("damaged") / "own.filter"
    build(io.BytesIO("\n".join(PASSWORDS[:200]).encode()), path)
    octets = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(octets)

    with pytest.raises(InputError, match=r"damaged|no filter"):
        known = BreachedFilter(path)
        for number in range(64):
            _ = number << 58 in known
        known.verify()


def test_cut_while_in_use(path: Path) -> None:
    """Somebody copies over it: an error, and the process lives."""
    known = BreachedFilter(path)
    os.truncate(path, HEADER.size)

    with pytest.raises(InputError, match="damaged"):
        _ = password_key("kite-1") in known


def test_replaced_while_in_use(path: Path, tmp_path: Path) -> None:
    """A new one beside it and moved over it does not disturb who has the old one open."""
    known = BreachedFilter(path)
    build(io.BytesIO(b"otter\n"), path)

    assert password_key("kite-1") in known
    assert password_key("kite-1") not in BreachedFilter(path)


def test_one_entry(tmp_path: Path) -> None:
    """The smallest there is."""
    build(io.BytesIO(b"kite\n"), tmp_path / "f")
    known = BreachedFilter(tmp_path / "f")

    assert password_key("kite") in known
    assert password_key("otter") not in known
