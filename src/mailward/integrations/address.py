"""Where a door is: a Unix socket, or a port that only this machine reaches."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mailward.errors import InvalidConfig
from mailward.printable import printable

_LONGEST_PATH = 107  # octets of sun_path, Linux unix(7)


@dataclass(frozen=True, slots=True)
class DoorAddress:
    """path: of a Unix socket, or host and port."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str, *, key: str) -> DoorAddress:
        """`unix:/path` or `IP:port`. Raises InvalidConfig for `key`."""
        kind, colon, rest = text.partition(":")
        if kind == "unix" and colon:
            return cls(path=_path(rest, key))
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not (port.isascii() and port.isdigit()) or len(port) > 5 or int(port) > 65_535:
            raise InvalidConfig(
                f"{key} is {printable(text, 80)!r}", key=key, advice='write "unix:/path/of/socket" or "127.0.0.1:7000"'
            )
        return cls(host=_loopback(host, key), port=int(port))

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _path(text: str, key: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or "\0" in text:
        raise InvalidConfig(f"{key}: {printable(text, 80)!r} is not an absolute path", key=key)
    if len(text.encode("utf-8", "surrogateescape")) > _LONGEST_PATH:
        raise InvalidConfig(f"{key}: the path of a socket has at most {_LONGEST_PATH} octets", key=key)
    return path


def _loopback(host: str, key: str) -> str:
    """These protocols have neither encryption nor, mostly, a login: what asks must be on this machine."""
    host = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise InvalidConfig(
        f"{key}: {printable(host, 80)!r} is not a loopback address; this door has no encryption of its own",
        key=key,
        advice="use 127.0.0.1, [::1] or a Unix socket; from another machine, come through an SSH or TLS tunnel",
    )
