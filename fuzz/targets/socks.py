"""Any octets of a SOCKS proxy open the way or are ProxyError; never more is heard than a reply may hold."""

from __future__ import annotations

from mailward.errors import ProxyError
from mailward.secret import Secret
from mailward.wire.socks import socks4, socks5
from mailward.wire.tunnel import Destination, Login

SEEDS = [
    bytes.fromhex("005a000000000000"),
    bytes.fromhex("005d000000000000"),
    bytes.fromhex("0500 05000001 00000000 0000"),
    bytes.fromhex("0502 0100 05000004") + bytes(18),
    bytes.fromhex("0502 0101"),
    b"\5\0\5\0\0\3\xff" + b"x" * 257,
    bytes.fromhex("05ff"),
]
_TO = Destination("mail.example", 465)
_ANN = Login("ann", Secret("c4n4ry"))
_MOST = 2 + 2 + 5 + 257


def target(data: bytes) -> None:
    for exchange in (socks4(_TO, None), socks5(_TO, None), socks5(_TO, _ANN)):
        heard = 0
        try:
            ask = next(exchange)
            while heard + ask.need <= len(data):
                answer = data[heard : heard + ask.need]
                heard += ask.need
                ask = exchange.send(answer)
        except StopIteration:
            pass
        except ProxyError as error:
            if not str(error).isprintable() or "c4n4ry" in str(error):
                raise AssertionError(str(error)) from None
        if heard > _MOST:
            raise AssertionError(heard)
