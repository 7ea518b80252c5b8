"""A server that offers CHUNKING, keeps nothing, and answers all that has come in one write: the client is measured."""

from __future__ import annotations

import argparse
import asyncio
from typing import cast

_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 0\r\n"
_REPLIES = {
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 OK\r\n",
    b"RCPT": b"250 2.1.5 OK\r\n",
    b"RSET": b"250 2.0.0 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Sink(asyncio.Protocol):
    """One connection."""

    chunking = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = bytearray()
        self._left = 0  # octets of a chunk that are still to come
        self._in_data = False
        self._count = 0
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies = bytearray()
        while self._step(replies):
            pass
        if replies:
            self._transport.write(bytes(replies))
        if b"221 " in replies:
            self._transport.close()

    def _step(self, replies: bytearray) -> bool:
        """Whether something could be done with what is here."""
        if self._left:
            taken = min(self._left, len(self._buffer))
            del self._buffer[:taken]
            self._left -= taken
            if not self._left:
                replies += self._taken()
            return taken > 0
        if self._in_data:
            return self._content(replies)
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._command(line, replies)
        return True

    def _taken(self) -> bytes:
        """Each message has a name of its own, as with every server."""
        self._count += 1
        return b"250 2.0.0 OK: queued as %X%08X\r\n" % (id(self), self._count)

    def _content(self, replies: bytearray) -> bool:
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            del self._buffer[:-4]
            return False
        del self._buffer[: end + 5]
        self._in_data = False
        replies += self._taken()
        return True

    def _command(self, line: bytes, replies: bytearray) -> None:
        verb = line[:4].upper()
        if verb == b"BDAT":
            self._left = int(line.split()[1])
            if not self._left:
                replies += self._taken()
        elif verb == b"EHLO":
            replies += _EHLO + (b"250 CHUNKING\r\n" if self.chunking else b"250 DSN\r\n")
        else:
            replies += _REPLIES.get(verb, b"500 5.5.2 what?\r\n")
            self._in_data = verb == b"DATA"


class PlainSink(Sink):
    """Without CHUNKING."""

    chunking = False


async def serve(kind: type[Sink]) -> None:
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0, backlog=1000)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-chunking", action="store_true")
    asyncio.run(serve(PlainSink if parser.parse_args().no_chunking else Sink))


if __name__ == "__main__":
    main()
