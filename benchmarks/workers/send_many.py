"""Many messages of one size, as one library sends them in bulk, for so many seconds."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from benchmarks.workers import send
from benchmarks.workers.send import RECIPIENTS, SENDER, Target, message
from benchmarks.workers.timing import Watch

CLIENT, ASYNC_CLIENT = "mailward.Client.send_many", "mailward.AsyncClient.send_many"


def _until_over(content: bytes, watch: Watch) -> Iterator[bytes]:
    while watch.going:
        yield content


def measure(port: int, content: bytes, seconds: float, connections: int) -> None:
    from mailward import INSECURE_PLAINTEXT, Client, Limits  # noqa: PLC0415

    limits = Limits(connections=connections)
    with Client("127.0.0.1", port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
        warm = client.send_many([content] * 20 * connections, sender=SENDER, recipients=RECIPIENTS)
        assert all(receipt.ok for receipt in warm)
        watch = Watch(seconds)
        receipts = client.send_many(_until_over(content, watch), sender=SENDER, recipients=RECIPIENTS)
        watch.stop(sum(receipt.ok for receipt in receipts))


async def measure_asyncio(port: int, content: bytes, seconds: float, connections: int) -> None:
    from mailward import INSECURE_PLAINTEXT, AsyncClient, Limits  # noqa: PLC0415

    limits = Limits(connections=connections)
    async with AsyncClient("127.0.0.1", port, tls=INSECURE_PLAINTEXT, limits=limits) as client:
        async for receipt in client.send_many([content] * 20 * connections, sender=SENDER, recipients=RECIPIENTS):
            assert receipt.ok
        count, watch = 0, Watch(seconds)
        source = _until_over(content, watch)
        async for receipt in client.send_many(source, sender=SENDER, recipients=RECIPIENTS):
            count += receipt.ok
        watch.stop(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=[CLIENT, ASYNC_CLIENT, *send.BLOCKING, *send.ASYNCIO])
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    options = parser.parse_args()
    content, rest = message(options.size), (options.seconds, options.connections)
    if options.client == CLIENT:
        measure(options.port, content, *rest)
    elif options.client == ASYNC_CLIENT:
        asyncio.run(measure_asyncio(options.port, content, *rest))
    elif options.client in send.BLOCKING:
        send.measure(options.client, Target(options.port, None), content, options.seconds)
    else:
        asyncio.run(send.measure_asyncio(options.client, Target(options.port, None), content, options.seconds))


if __name__ == "__main__":
    main()
