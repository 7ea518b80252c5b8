"""One client library that sends messages of one size over one kept connection, for so many seconds."""

from __future__ import annotations

import argparse
import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.workers.timing import Watch

SENDER, RECIPIENTS = "ann@example.com", ["bob@example.net"]
_WARM = 20  # messages before the watch is started
_HEAD = (
    b"From: <ann@example.com>\r\nTo: <bob@example.net>\r\nSubject: benchmark\r\n"
    b"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n"
)


class Target(NamedTuple):
    """`ca`: for TLS from the first octet; None for clear text."""

    port: int
    ca: Path | None

    @property
    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.ca) if self.ca is not None else None


# Each knows how to connect and how to send; it loads only the library that it measures.


@contextmanager
def _mailward(target: Target) -> Iterator[Callable[[bytes], object]]:
    from mailward import INSECURE_PLAINTEXT, Client  # noqa: PLC0415

    tls = "implicit" if target.ca else INSECURE_PLAINTEXT
    with Client("127.0.0.1", target.port, tls=tls, ca=target.ca) as client:
        yield partial(client.send, sender=SENDER, recipients=RECIPIENTS)


@contextmanager
def _smtplib(target: Target) -> Iterator[Callable[[bytes], object]]:
    context = target.context
    with (
        smtplib.SMTP_SSL("127.0.0.1", target.port, local_hostname="localhost", context=context)
        if context
        else smtplib.SMTP("127.0.0.1", target.port, local_hostname="localhost")
    ) as client:
        yield partial(client.sendmail, SENDER, RECIPIENTS)


@asynccontextmanager
async def _mailward_asyncio(target: Target) -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
    from mailward import INSECURE_PLAINTEXT, AsyncClient  # noqa: PLC0415

    tls = "implicit" if target.ca else INSECURE_PLAINTEXT
    async with AsyncClient("127.0.0.1", target.port, tls=tls, ca=target.ca) as client:
        yield partial(client.send, sender=SENDER, recipients=RECIPIENTS)


@asynccontextmanager
async def _aiosmtplib(target: Target) -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
    import aiosmtplib  # noqa: PLC0415

    context = target.context
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=target.port,
        local_hostname="localhost",
        use_tls=context is not None,
        start_tls=False,
        tls_context=context,
    ) as client:
        yield partial(client.sendmail, SENDER, RECIPIENTS)


BLOCKING = {"mailward.Client": _mailward, "smtplib": _smtplib}
ASYNCIO = {"mailward.AsyncClient": _mailward_asyncio, "aiosmtplib": _aiosmtplib}


def message(size: int) -> bytes:
    """About `size` octets: a small header, then lines of 78."""
    return _HEAD + (b"x" * 76 + b"\r\n") * max(1, (size - len(_HEAD)) // 78)


def measure(client: str, target: Target, content: bytes, seconds: float) -> None:
    with BLOCKING[client](target) as send:
        for _ in range(_WARM):
            send(content)
        count, watch = 0, Watch(seconds)
        while watch.going or not count:
            send(content)
            count += 1
        watch.stop(count)


async def measure_asyncio(client: str, target: Target, content: bytes, seconds: float) -> None:
    async with ASYNCIO[client](target) as send:
        for _ in range(_WARM):
            await send(content)
        count, watch = 0, Watch(seconds)
        while watch.going or not count:
            await send(content)
            count += 1
        watch.stop(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=[*BLOCKING, *ASYNCIO])
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("port", type=int)
    parser.add_argument("--ca", type=Path)
    options = parser.parse_args()
    arguments = options.client, Target(options.port, options.ca), message(options.size), options.seconds
    if options.client in BLOCKING:
        measure(*arguments)
    else:
        asyncio.run(measure_asyncio(*arguments))


if __name__ == "__main__":
    main()
