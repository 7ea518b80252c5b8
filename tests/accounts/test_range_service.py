"""Asking a range service, over HTTPS to a real server on loopback."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailward.accounts.range_service import MOST_OCTETS, RangeAnswer, RangeService, https_fetch
from mailward.errors import AuthUnavailable, InputError
from tests.support import certificates

KNOWN, PADDED = "canary-kite", "canary-otter"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@dataclass
class Service:
    """What was asked, and what is answered: `answer(five digits)` is a status and a body."""

    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str], tuple[int, bytes]] = lambda prefix: (200, lines(prefix))
    url: str = ""


def lines(prefix: str) -> bytes:
    """A padded answer: other suffixes, those of ours, and padding with the count 0."""
    ours = [f"{digest(KNOWN)[5:]}:7"] if digest(KNOWN).startswith(prefix) else []
    padding = [f"{digest(PADDED)[5:]}:0"] if digest(PADDED).startswith(prefix) else []
    others = [f"{digest(f'{prefix}{number}')[5:]}:{number}" for number in range(800)]
    return "\r\n".join((*others, *ours, *padding)).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers)))
            status, body = told.answer(self.path.rpartition("/")[2])
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/range/elsewhere")
            self.end_headers()
            for start in range(0, len(body), 4096):
                self.wfile.write(body[start : start + 4096])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """The client may leave in the middle."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = certificates.good().server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"https://localhost:{server.server_address[1]}/range"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(certificates.authority().pem)
    return path


def test_known(service: Service, ca: Path) -> None:
    """A password in the answer is known; one that only pads it, and a stranger, are not."""
    asked = RangeService(service.url, https_fetch(ca=ca))

    assert asked.find(KNOWN) == RangeAnswer(known=True)
    assert asked.find(PADDED) == RangeAnswer(known=False)
    assert asked.find("a stranger") == RangeAnswer(known=False)


def test_five_digits_leave_the_house(service: Service, ca: Path) -> None:
    """Nothing else of the password, and padding is asked for."""
    RangeService(service.url + "/", https_fetch(ca=ca)).find(KNOWN)
    [(path, headers)] = service.asked

    assert path == f"/range/{digest(KNOWN)[:5]}"
    assert headers["Add-Padding"] == "true"
    everything = repr(service.asked).upper()
    assert digest(KNOWN)[:6] not in everything
    assert KNOWN.upper() not in everything


@pytest.mark.parametrize(
    "status,body,warning",
    [
        (500, b"", "it answered 500"),
        (404, b"", "it answered 404"),
        (302, b"", "it answered 302"),
        (200, b"", "no answer that is one of a range service"),
        (200, b"<html>please log in</html>", "no answer that is one of a range service"),
        (200, b"A" * (MOST_OCTETS + 1), f"more than {MOST_OCTETS} octets"),
    ],
)
def test_a_bad_answer_refuses_nobody(service: Service, ca: Path, status: int, body: bytes, warning: str) -> None:
    """The password is not known then, and a warning says why; a redirect is not followed."""
    service.answer = lambda _: (status, body)
    answer = RangeService(service.url, https_fetch(ca=ca)).find(KNOWN)

    assert not answer.known
    assert warning in answer.warning
    assert answer.warning.startswith("localhost ")
    assert len(service.asked) == 1


def test_an_unknown_certificate(service: Service, tmp_path: Path) -> None:
    """Another authority's certificate: nothing is asked."""
    other = tmp_path / "other.pem"
    other.write_bytes(certificates.authority("Other CA").pem)
    answer = RangeService(service.url, https_fetch(ca=other)).find(KNOWN)

    assert "certificate verify failed" in answer.warning.lower()
    assert service.asked == []


def test_nobody_there(ca: Path) -> None:
    """A port where nothing listens, and a CA file that is none, are warnings too."""
    assert "could not be asked" in RangeService("https://127.0.0.1:1/range", https_fetch(ca=ca)).find(KNOWN).warning
    missing = https_fetch(ca=ca.with_name("missing.pem"))
    assert "could not be asked" in RangeService("https://127.0.0.1:1/range", missing).find(KNOWN).warning


def test_too_slow(service: Service, ca: Path) -> None:
    """The wait is bounded by the timeout."""
    let_go = threading.Event()
    service.answer = lambda prefix: (let_go.wait(20), (200, lines(prefix)))[1]
    began = time.monotonic()
    answer = RangeService(service.url, https_fetch(ca=ca), timeout=0.3).find(KNOWN)
    took = time.monotonic() - began
    let_go.set()

    assert "could not be asked" in answer.warning
    assert took < 5


def test_drop_by_drop(service: Service, ca: Path) -> None:
    """An answer whose every piece is in time is cut when all of it is not."""
    now = iter(range(0, 1000, 2))
    answer = RangeService(service.url, https_fetch(ca=ca, clock=lambda: float(next(now))), timeout=3.0).find(KNOWN)

    assert "took more than 3 seconds" in answer.warning


def test_no_warning_shows_the_password() -> None:
    """Nor its hash."""

    def fetch(url: str, timeout: float) -> bytes:
        raise AuthUnavailable(f"no way ({timeout:g} s)", phase="password")

    answer = RangeService("https://range.example.test/range", fetch).find(KNOWN)

    assert answer.warning == "range.example.test could not be asked: no way (3 s)"


@pytest.mark.parametrize(
    "url",
    [
        "http://range.example.test/range",
        "https:///range",
        "https://ann@range.example.test",
        "https://x.test/?a=",
        "ftp://x",
        "https://[::1/range",
        "https://x.test:port",
    ],
)
def test_only_https(url: str) -> None:
    """Five digits in clear text are five too many."""
    with pytest.raises(InputError, match="no address of a range service"):
        RangeService(url)
