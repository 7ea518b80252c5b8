"""Proxies of other projects on loopback, each started for a test and ended after it.

with microsocks(user="ann", password="pw") as port: ...     # SOCKS 5
with dante() as port: ...                                    # SOCKS 4, 4a and 5
with tinyproxy(user="ann", password="pw") as port: ...       # HTTP CONNECT
with stunnel(port, good()) as tls_port: ...                  # TLS in front of any of them
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.installation import free_port
from tests.support.peers import peer

_DANTE = """\
logoutput: {folder}/log
errorlog: {folder}/log
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{
  from: 127.0.0.0/8 to: 0.0.0.0/0
}}
socks pass {{
  from: 127.0.0.0/8 to: 0.0.0.0/0
  protocol: tcp
}}
"""
_TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 30
MaxClients 10
LogFile "{folder}/log"
BasicAuth {user} {password}
"""
_STUNNEL = """\
foreground = yes
pid =
[proxy]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{behind}
cert = {folder}/pair.pem
"""


@contextlib.contextmanager
def microsocks(*, user: str, password: str) -> Iterator[int]:
    port = free_port()
    with _running([peer("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-u", user, "-P", password], port):
        yield port


@contextlib.contextmanager
def dante() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = _written(folder, _DANTE.format(folder=folder, port=port))
        with _running([peer("dante"), "-f", file, "-p", f"{folder}/pid", "-N", "1"], port):
            yield port


@contextlib.contextmanager
def tinyproxy(*, user: str, password: str) -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = _written(folder, _TINYPROXY.format(folder=folder, port=port, user=user, password=password))
        with _running([peer("tinyproxy"), "-d", "-c", file], port):
            yield port


@contextlib.contextmanager
def stunnel(behind: int, pair: Pair) -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pair.pem").write_bytes(pair.key_pem + pair.pem)
        file = _written(folder, _STUNNEL.format(folder=folder, port=port, behind=behind))
        with _running([peer("stunnel"), file], port):
            yield port


def _written(folder: str, text: str) -> str:
    file = Path(folder) / "configuration"
    file.write_text(text)
    return str(file)


@contextlib.contextmanager
def _running(command: Sequence[str | Path], port: int) -> Iterator[None]:
    """In a group of its own, since some have children."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, process_group=0
    )
    try:
        _wait(process, port)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} takes no connection")
