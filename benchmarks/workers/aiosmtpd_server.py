"""aiosmtpd in one event loop, on a free port that it prints."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Discard:
    """Says 250 to everything and keeps nothing."""

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802  # its name
        return "250 OK"


class Store:
    """Says 250 when the message is a file of its own, written and synced in a thread, as Postfix's is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # its name
        assert isinstance(envelope.content, bytes)
        await asyncio.to_thread(self._keep, str(next(self._numbers)), envelope.content)
        return "250 OK"

    def _keep(self, name: str, content: bytes) -> None:
        temporary = self._folder / f"{name}.new"
        with temporary.open("xb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
        temporary.rename(self._folder / name)


async def serve(store: Path | None, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    handler = Discard() if store is None else Store(store)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", loop=loop, enable_SMTPUTF8=True),
        "127.0.0.1",
        0,
        backlog=1024,
        ssl=context,
    )
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    asyncio.run(serve(options.store, context))


if __name__ == "__main__":
    main()
