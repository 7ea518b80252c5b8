"""A line of a given round-trip time: passes on what comes, in order, each octet half that time after it came."""

from __future__ import annotations

import argparse
import asyncio
from collections import deque
from typing import cast


class Side(asyncio.Protocol):
    """One end of one connection; what it hears the other end says later."""

    def __init__(self, delay: float, target: int, other: Side | None = None) -> None:
        self._delay = delay
        self._target = target
        self._other = other
        self._early: deque[bytes | None] = deque()  # heard before the other end was there
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        if self._other is None:
            self._opening = self._loop.create_task(self._open())
        else:
            self._other.meet(self)

    def meet(self, other: Side) -> None:
        self._other = other
        while self._early:
            self._pass_on(self._early.popleft())

    def data_received(self, data: bytes) -> None:
        self._pass_on(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._pass_on(None)

    def say(self, data: bytes | None) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.close()
        else:
            transport.write(data)

    def _pass_on(self, data: bytes | None) -> None:
        if self._other is None:
            self._early.append(data)
        else:
            self._loop.call_later(self._delay, self._other.say, data)

    async def _open(self) -> None:
        await asyncio.sleep(self._delay)
        await self._loop.create_connection(lambda: Side(self._delay, self._target, self), "127.0.0.1", self._target)


async def serve(target: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Side(delay, target), "127.0.0.1", 0, backlog=1000)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=int)
    parser.add_argument("milliseconds", type=float, help="of a round trip")
    options = parser.parse_args()
    asyncio.run(serve(options.target, options.milliseconds / 2000))


if __name__ == "__main__":
    main()
