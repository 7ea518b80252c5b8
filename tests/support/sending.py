"""Both faces of the client behind one: a test says what is sent, and runs on each driver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from mailward import AsyncClient, Client, Receipt
from tests.support.certificates import authority
from tests.support.hostile import HostileServer, Script

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: x\r\n\r\nhello\r\n"
LOGIN = ("ann@example.test", "correct horse")
SECRETS = (b"correct horse", b"Y29ycmVjdCBob3JzZ", b"NvcnJlY3QgaG9yc2", b"jb3JyZWN0IGhvcnNl", b"correct+horse")


def url_of(server: HostileServer, script: Script | None = None) -> str:
    scheme = "smtps" if script is not None and script.tls == "implicit" else "smtp"
    return f"{scheme}://127.0.0.1:{server.port}"


@dataclass(frozen=True)
class Face:
    """`send` several messages through one client, one after the other, and give what came of each."""

    name: str

    def send(self, url: str, *messages: Any, envelope: dict[str, Any] | None = None, **options: Any) -> Receipt:
        """The receipt of the last message."""
        return self.send_each(url, messages or (MESSAGE,), envelope=envelope, **options)[-1]

    def send_each(
        self, url: str, messages: Iterable[Any], *, envelope: dict[str, Any] | None = None, **options: Any
    ) -> list[Receipt]:
        options = {"ca": authority().pem, "timeout": 5, **options}
        if self.name == "sync":
            return _send(Client(url, **options), messages, envelope or {})
        return asyncio.run(_send_async(AsyncClient(url, **options), messages, envelope or {}))

    def send_many(self, url: str, messages: Iterable[Any], **options: Any) -> list[Receipt]:
        options = {"ca": authority().pem, "timeout": 5, **options}
        if self.name == "sync":
            with Client(url, **options) as client:
                return list(client.send_many(messages))
        return asyncio.run(_send_many_async(AsyncClient(url, **options), messages))


def _send(client: Client, messages: Iterable[Any], envelope: dict[str, Any]) -> list[Receipt]:
    try:
        return [client.send(message, **envelope) for message in messages]
    finally:
        client.close()


async def _send_async(client: AsyncClient, messages: Iterable[Any], envelope: dict[str, Any]) -> list[Receipt]:
    try:
        return [await client.send(message, **envelope) for message in messages]
    finally:
        await client.close()


async def _send_many_async(client: AsyncClient, messages: Iterable[Any]) -> list[Receipt]:
    async with client:
        return [receipt async for receipt in client.send_many(messages)]


both_faces = pytest.mark.parametrize("face", [Face("sync"), Face("async")], ids=lambda face: face.name)
