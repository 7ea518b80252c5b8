"""Both drivers behind one face: a test body is a flow, and runs on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from mailward.net.aio import AioPorts, AioStream
from mailward.net.blocking import BlockingPorts, BlockingStream, run_blocking
from mailward.net.ports import Ports, Stream
from mailward.net.tls_stream import TlsStream

T = TypeVar("T")


@dataclass(frozen=True)
class Driver:
    """Runs `flow(ports)` to its end."""

    name: str
    ports: Callable[[], Ports]
    step: Callable[[Coroutine[Any, Any, Any]], Any]

    def run(self, flow: Callable[[Ports], Coroutine[Any, Any, T]]) -> T:
        result: T = self.step(flow(self.ports()))
        return result


def wait_until_readable(stream: Stream) -> None:
    """Blocks, the event loop too, until octets or the end of a driver's own stream are here."""
    while isinstance(stream, TlsStream):
        stream = stream._stream
    if isinstance(stream, AioStream):
        assert stream._received or stream._eof or stream._arrived.poll(5000)
    else:
        assert isinstance(stream, BlockingStream)
        assert stream._readable.poll(5000)


DRIVERS = (Driver("blocking", BlockingPorts, run_blocking), Driver("aio", AioPorts, asyncio.run))

both_drivers = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
