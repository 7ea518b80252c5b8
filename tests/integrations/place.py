"""Everything that decides about logins, real and in the loop of the test, with the doors that the test asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from mailward.integrations.doors import Doors, DoorServices, DoorSettings, open_doors
from mailward.server import config, state_directory
from mailward.server.durable import Store
from mailward.server.gate import Gate
from tests.support.installation import Installation, Section

TOKEN = "0123456789-0123456789-x"
QUICK = {"delay_first": 0.0, "delay_most": 0.0, "delay_repeated_most": 0.0}


@dataclass(frozen=True)
class Place:
    """`sockets`: the folder of those doors that have one, by their name."""

    installation: Installation
    services: DoorServices
    gate: Gate
    doors: Doors
    sockets: Path

    def port(self, name: str) -> int:
        (door,) = (door for door in self.doors.opened if door.name == name)
        return door.address.port

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """Those recorded so far."""
        await asyncio.sleep(0)
        lines = (self.installation.state / "events.jsonl").read_bytes().splitlines()
        return [event for event in map(json.loads, lines) if not types or event["type"] in types]

    async def post(self, door: str, path: str, body: object, *, method: str = "POST", token: str = TOKEN) -> Any:
        """(status, JSON) of one request."""
        headers = {"authorization": f"Bearer {token}"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with httpx2.AsyncClient() as client:
            url = f"http://127.0.0.1:{self.port(door)}{path}"
            answer = await client.request(method, url, content=content, headers=headers)
        return answer.status_code, answer.json()

    async def talk(self, door: str, data: bytes, *, lines: int = 1) -> bytes:
        """What a socket door answers, so many lines of it."""
        reader, writer = await asyncio.open_unix_connection(self.sockets / door)
        try:
            writer.write(data)
            async with asyncio.timeout(10):
                return b"".join([await reader.readline() for _ in range(lines)])
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def opened(directory: Path, *doors: str, oauth2: Section | None = None, **guard: float) -> AsyncIterator[Place]:
    """The doors of Unix sockets are at `directory`/NAME, the others at ports."""
    sections: dict[str, Any] = {} if oauth2 is None else {"oauth2": oauth2}
    installation = Installation(directory / "place", guard=QUICK | guard, **sections)
    loaded = config.load(installation.file)
    loop = asyncio.get_running_loop()
    state_directory.prepare(loaded.state_path)
    store = Store(loaded, loop)
    gate = Gate(loaded, ["127.0.0.1:465"], store, loop)
    services = gate.doors()
    try:
        running = await open_doors(_settings(directory, doors), services)
        try:
            yield Place(installation, services, gate, running, directory)
        finally:
            await running.close()
    finally:
        await gate.close()
        await store.finish()
        store.close()


def _settings(directory: Path, doors: tuple[str, ...]) -> DoorSettings:
    token = directory / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    addresses = {
        name: "127.0.0.1:0" if name in {"dovecot_policy", "http_api"} else f"unix:{directory / name}" for name in doors
    }
    return DoorSettings(**addresses, token_file=str(token))
