"""Knocks at one of our own doors as the other server would, and tells what is said."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from mailward.errors import ConnectError
from mailward.integrations.address import DoorAddress
from mailward.integrations.token import read_token
from mailward.printable import printable
from mailward.secret import Secret

_PATIENCE: Final = 30.0  # seconds: a wrong password is answered late
_MOST: Final = 65_536  # octets
_OURS: Final = 200


@dataclass(frozen=True, slots=True)
class Knock:
    """source: where the login is said to come from."""

    name: str
    source: str
    password: Secret = field(repr=False)


async def dovecot_auth(address: DoorAddress, knock: Knock) -> str:
    """`OK` or `FAIL` and what follows it, without the number. Raises ConnectError."""
    response = base64.b64encode(f"\0{knock.name}\0{knock.password.reveal()}".encode()).decode()
    said = await _talk(
        address,
        "VERSION\t1\t1\nCPID\t1\n"
        f"AUTH\t1\tPLAIN\tservice=smtp\tsecured\trip={knock.source}\tlip=127.0.0.1\tresp={response}\n",
        ends=(b"\nOK\t1", b"\nFAIL\t1"),
    )
    return printable(said.splitlines()[-1].replace("\t1\t", " ", 1).replace("\t", " "), _OURS)


async def postfix_policy(address: DoorAddress, knock: Knock) -> str:
    """The action. Raises ConnectError."""
    request = f"request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address={knock.source}\n\n"
    return printable((await _talk(address, request, ends=(b"\n\n",))).strip().removeprefix("action="), _OURS)


def dovecot_policy(address: DoorAddress, knock: Knock, token_file: Path) -> str:
    """The answers to `allow` and to `report` of a failure. Raises ConnectError."""
    token = read_token(token_file)
    body: dict[str, object] = {
        "login": knock.name,
        "remote": knock.source,
        "protocol": "imap",
        "session_id": "connect",
        "success": False,
    }
    said = [f"{command}: {_post(address, f'/?command={command}', body, token)}" for command in ("allow", "report")]
    return printable("; ".join(said), _OURS)


def _post(address: DoorAddress, path: str, body: dict[str, object], token: Secret) -> str:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_PATIENCE)
    headers = {"Authorization": f"Bearer {token.reveal()}", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read(_MOST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as problem:
        fault = str(problem)
    else:
        return f"{answer.status} {text}"
    finally:
        connection.close()
    raise ConnectError(f"{address} does not answer: {fault}", phase="connect", advice="is the server running?")


class _Talk(asyncio.Protocol):
    def __init__(self, request: bytes, ends: tuple[bytes, ...]) -> None:
        self._request = request
        self._ends = ends
        self.said = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self.said += data
        ended = self.said.endswith(b"\n") and any(end in b"\n" + self.said for end in self._ends)
        if (ended or len(self.said) > _MOST) and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        if not self.done.done():
            self.done.set_result(None)


async def _talk(address: DoorAddress, request: str, *, ends: tuple[bytes, ...]) -> str:
    loop = asyncio.get_running_loop()
    fault = ""
    talk = _Talk(request.encode(), ends)
    try:
        async with asyncio.timeout(_PATIENCE):
            if address.path is not None:
                transport, _ = await loop.create_unix_connection(lambda: talk, str(address.path))
            else:
                transport, _ = await loop.create_connection(lambda: talk, address.host, address.port)
            try:
                await talk.done
            finally:
                transport.close()
    except TimeoutError:
        fault = f"no answer in {_PATIENCE:g} s"
    except OSError as problem:
        fault = problem.strerror or str(problem)
    if not fault and not any(end in b"\n" + talk.said for end in ends):
        fault = "it closed the connection instead of answering"
    if fault:
        raise ConnectError(f"{address}: {fault}", phase="connect", advice="is the server running?")
    return talk.said.decode("utf-8", "replace")
