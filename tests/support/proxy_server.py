"""A proxy on loopback that really relays, and writes down what it was asked: HTTP or SOCKS 5, inside TLS or not.

    with proxy_server("http", pair=good()) as proxy:
        ...                                  # https://127.0.0.1:{proxy.port}
    assert proxy.asked == ["127.0.0.1:465"]

`says`: sent instead of an answer, before the connection is closed. `adds`: octets that follow the answer at once.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.certificates import Pair


@dataclass
class ProxyServer:
    kind: str
    port: int
    says: bytes | Callable[[socket.socket], None] | None = None
    adds: bytes = b""
    asked: list[str] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)  # of what it relays to the server
    connections: int = 0

    def serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
        with sock:
            host, port = self._http(sock) if self.kind == "http" else self._socks(sock)
            self.asked.append(f"{host}:{port}")
            if isinstance(self.says, bytes):
                sock.sendall(self.says)
                return
            if self.says is not None:
                self.says(sock)
                return
            with socket.create_connection((host, port), timeout=5) as server:
                answer = b"HTTP/1.1 200 OK\r\n\r\n" if self.kind == "http" else b"\5\0\0\1" + bytes(6)
                sock.sendall(answer + self.adds)
                self._relay(sock, server)

    def _http(self, sock: socket.socket) -> tuple[str, int]:
        head = b""
        while b"\r\n\r\n" not in head:
            head += _received(sock)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        return host.strip("[]"), int(port)

    def _socks(self, sock: socket.socket) -> tuple[str, int]:
        _received(sock)
        sock.sendall(b"\5\0")
        request = _received(sock)
        if request[3] == 3:
            return request[5:-2].decode(), int.from_bytes(request[-2:], "big")
        family = socket.AF_INET if request[3] == 1 else socket.AF_INET6
        return socket.inet_ntop(family, request[4:-2]), int.from_bytes(request[-2:], "big")

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else select.select([client, server], [], [], 10)[0]
            if not ready:
                return
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                if one is client:
                    self.heard += data
                (server if one is client else client).sendall(data)


@contextlib.contextmanager
def proxy_server(
    kind: str,
    *,
    pair: Pair | None = None,
    says: bytes | Callable[[socket.socket], None] | None = None,
    adds: bytes = b"",
) -> Iterator[ProxyServer]:
    """`pair`: its certificate, if it speaks TLS."""
    context = None if pair is None else pair.server_context()
    listener = socket.create_server(("127.0.0.1", 0))
    server = ProxyServer(kind, listener.getsockname()[1], says, adds)
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket) -> None:
        sock.settimeout(10)
        with contextlib.suppress(OSError), sock:
            server.serve(sock, context)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            threads.append(threading.Thread(target=serve, args=(sock,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def _received(sock: socket.socket) -> bytes:
    data = sock.recv(4096)
    if not data:
        raise ConnectionResetError
    return data
