"""An HTTPS server on loopback that answers each request with the octets it was given, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.certificates import Pair, good

Talk = Callable[[ssl.SSLSocket], None]


@dataclass
class WebServer:
    """`says`: the octets of the answer, or what to do with the connection after the request was read."""

    port: int
    says: bytes | Talk
    requests: list[bytes] = field(default_factory=list)


def page(body: bytes, *fields: str, status: str = "200 OK", media_type: str = "text/plain") -> bytes:
    """An HTTP answer with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def web_server(says: bytes | Talk, *, pair: Pair | None = None) -> Iterator[WebServer]:
    """Any number of connections, one after the other, each for one request."""
    context = (pair or good()).server_context()
    listener = socket.create_server(("127.0.0.1", 0))
    server = WebServer(listener.getsockname()[1], says)

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            with contextlib.suppress(OSError), sock, context.wrap_socket(sock, server_side=True) as tls:
                _talk(tls, server)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _talk(tls: ssl.SSLSocket, server: WebServer) -> None:
    received = b""
    while not _whole(received):
        data = tls.recv(65536)
        if not data:
            return
        received += data
    server.requests.append(received)
    if callable(server.says):
        server.says(tls)
    else:
        tls.sendall(server.says)
    with contextlib.suppress(OSError):
        tls.unwrap()


def _whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(end) and len(body) >= int(lengths[0] if lengths else 0)
