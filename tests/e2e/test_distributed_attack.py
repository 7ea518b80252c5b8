"""Figure 9: thousands of addresses guess at one account, and its owner, where they usually are, notices nothing."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.installation import ANN, IMPLICIT, PASSWORD
from tests.support.mailward_server import MailwardServer
from tests.support.talk import Context

HOME = "127.0.0.1"
SECONDS = 6.0
GUESSERS = 30


async def log_in(port: int, trust: Context, source: str, password: str) -> bytes:
    """One connection and one AUTH PLAIN for Ann; the code of the reply."""
    reader, writer = await asyncio.open_connection(
        HOME, port, ssl=trust, server_hostname="localhost", local_addr=(source, 0)
    )
    try:
        assert (await reader.readline()).startswith(b"220")
        writer.write(b"EHLO client.test\r\n")
        while (await reader.readline())[3:4] == b"-":
            pass
        writer.write(b"AUTH PLAIN " + base64.b64encode(f"\0{ANN}\0{password}".encode()) + b"\r\n")
        return (await reader.readline())[:3]
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def attacked(port: int, trust: Context) -> tuple[Counter[bytes], Counter[bytes]]:
    """What the guessers heard, each guess from an address of its own, and what Ann heard meanwhile."""
    assert await log_in(port, trust, HOME, PASSWORD) == b"235"
    chance, end = random.Random(9), time.monotonic() + SECONDS
    guessers: Counter[bytes] = Counter()
    owner: Counter[bytes] = Counter()

    async def guess() -> None:
        while time.monotonic() < end:
            source = ".".join(["127", *(str(chance.randrange(1, 250)) for _ in range(3))])
            guessers[await log_in(port, trust, source, f"guess {chance.random()}")] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(GUESSERS):
            group.create_task(guess())
        while time.monotonic() < end:
            owner[await log_in(port, trust, HOME, PASSWORD)] += 1
            await asyncio.sleep(0.1)
    return guessers, owner


@pytest.mark.e2e
@pytest.mark.slow
def test_ten_guesses_and_the_owner_gets_in(tmp_path: Path) -> None:
    """Of hundreds of guesses, each from another address, ten are looked at; Ann's first try succeeds each time."""
    with MailwardServer(tmp_path, limits={"connections": 2000}) as server:
        guessers, owner = asyncio.run(attacked(server.ports[IMPLICIT], server.trust))

        looked_at = [event for event in server.events("login.failed") if event["reason"] == "bad-password"]
        assert len(looked_at) == guessers[b"535"] == 10
        assert set(guessers) == {b"535", b"454"}
        assert guessers[b"454"] > 100
        assert set(owner) == {b"235"}
