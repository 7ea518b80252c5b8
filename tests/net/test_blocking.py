"""`run_blocking` steps a flow without an event loop, and only such a flow."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from mailward.net.blocking import run_blocking


def test_it_gives_the_result() -> None:
    """The return value of the coroutine comes out."""

    async def flow() -> int:
        return 7

    assert run_blocking(flow()) == 7


def test_it_lets_an_error_through() -> None:
    """An exception of the flow is the caller's."""

    async def flow() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_blocking(flow())


def test_it_refuses_a_real_await() -> None:
    """A flow that awaits asyncio itself is a mistake of ours and is told at once."""

    async def flow() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="not a port"):
        run_blocking(flow())


def test_the_blocking_driver_needs_no_asyncio() -> None:
    """Importing it does not pay for an event loop."""
    check = "import sys, mailward.net.blocking, mailward.net.tls_stream; sys.exit('asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
