from __future__ import annotations

import asyncio
import grp
import os
import stat
from pathlib import Path

import pytest

from mailward.errors import InvalidConfig
from mailward.integrations.address import DoorAddress
from mailward.integrations.opening import Channel, OpenDoor, SocketAccess


class Echo:
    """Says what it hears."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def received(self, data: bytes) -> None:
        self._channel.write(data)

    def lost(self) -> None:
        pass


def at(path: Path, *, most: int = 10) -> OpenDoor:
    return OpenDoor.of("socketmap", DoorAddress(path=path), Echo, most=most)


async def start(door: OpenDoor, access: SocketAccess | None = None) -> None:
    await door.start(asyncio.get_running_loop(), access or SocketAccess())


@pytest.mark.asyncio
async def test_a_socket_has_its_mode_and_group(tmp_path: Path) -> None:
    """Before anybody can connect the socket is who may use it; at the end it is gone."""
    door = at(tmp_path / "s")
    await start(door, SocketAccess(0o600, grp.getgrgid(os.getgid()).gr_name))
    found = (tmp_path / "s").stat()
    await door.close()
    await door.close()

    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o600, os.getgid())
    assert not (tmp_path / "s").exists()


@pytest.mark.asyncio
async def test_what_a_crash_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """A dead socket makes way; a live one, and a file, do not."""
    path = tmp_path / "s"
    loop = asyncio.get_running_loop()
    dead = await loop.create_unix_server(asyncio.Protocol, str(path))
    dead.close()
    assert path.is_socket()
    first, second = at(path), at(path)
    await start(first)
    with pytest.raises(InvalidConfig, match="another program listens there"):
        await start(second)
    assert path.is_socket()
    await first.close()
    path.write_text("mine")
    with pytest.raises(InvalidConfig, match="no socket"):
        await start(second)

    assert path.read_text() == "mine"


@pytest.mark.asyncio
async def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    """Is told by its key."""
    door = at(tmp_path / "s")
    with pytest.raises(InvalidConfig) as refused:
        await start(door, SocketAccess(0o660, "no-such-group"))
    await door.close()

    assert refused.value.key == "doors.socket_group"


@pytest.mark.asyncio
async def test_connections_are_bounded(tmp_path: Path) -> None:
    """One too many is closed, and the others go on."""
    door = at(tmp_path / "s", most=1)
    await start(door)
    reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    late, other = await asyncio.open_unix_connection(tmp_path / "s")

    assert await late.read() == b""
    writer.write(b"y")
    assert await reader.readexactly(1) == b"y"
    for each in (writer, other):
        each.close()
        await each.wait_closed()
    await door.close()


@pytest.mark.asyncio
async def test_who_does_not_read_is_cut_off(tmp_path: Path) -> None:
    """Answers that nobody reads do not fill the memory."""
    door = at(tmp_path / "s")
    await start(door)
    _, writer = await asyncio.open_unix_connection(tmp_path / "s")
    with pytest.raises(ConnectionError):
        for _ in range(200):
            writer.write(b"x" * 65_536)
            await writer.drain()
    writer.close()
    await door.close()
