"""Any octets of an HTTP proxy open the way or are ProxyError; a head is bounded, and nothing behind it is heard."""

from __future__ import annotations

from mailward.errors import ProxyError
from mailward.secret import Secret
from mailward.wire.http_connect import MOST, http_connect
from mailward.wire.tunnel import Destination, Login

SEEDS = [
    b"HTTP/1.1 200 Connection established\r\n\r\n220 mail.example ESMTP\r\n",
    b"HTTP/1.0 200\r\nVia: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=x\r\nProxy-Authenticate: Basic\r\n\r\n",
    b"HTTP/1.1 503 \x1b[2J\r\n\r\n",
    b"HTTP/1.1 200 OK\nX: y\n\n",
]
_TO = Destination("2001:db8::7", 465)
_ANN = Login("ann", Secret("c4n4ry"))


def target(data: bytes) -> None:
    exchange = http_connect(_TO, _ANN)
    heard = 0
    ask = next(exchange)
    try:
        for octet in data:
            if ask.need != 1 or (heard and ask.say):
                raise AssertionError(ask)
            heard += 1
            ask = exchange.send(bytes((octet,)))
    except StopIteration:
        if not data[:heard].endswith(b"\r\n\r\n"):
            raise AssertionError(data[:heard]) from None
    except ProxyError as error:
        if not str(error).isprintable() or "c4n4ry" in str(error):
            raise AssertionError(str(error)) from None
    if heard > 5 * (MOST + 4):
        raise AssertionError(heard)
