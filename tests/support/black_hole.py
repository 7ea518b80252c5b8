"""An address that takes no TCP connection and refuses none: its queue is full, so that a SYN gets no answer."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Gives its port. Connections to it hang until the caller's patience ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(16):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.settimeout(0)
            assert filler.connect_ex(listener.getsockname()) in (0, errno.EINPROGRESS)
            waiting = select.poll()
            waiting.register(filler, select.POLLOUT)
            if not waiting.poll(50):
                yield int(listener.getsockname()[1])
                return
        raise AssertionError("the queue of the black hole never fills")
