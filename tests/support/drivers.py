"""Both drivers behind one face: a test body is a flow, and runs on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports

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


DRIVERS = (Driver("blocking", BlockingPorts, run_blocking), Driver("aio", AioPorts, asyncio.run))

both_drivers = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
