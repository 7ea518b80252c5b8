"""Names become addresses once each, and a literal needs no resolver."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
import time

import pytest

from mailward.errors import DnsError
from mailward.net import resolve
from mailward.net.resolve import Address, Answer, ip_and_port, literal, look_up, numbered


def answer_for(host: str, port: int = 25) -> Answer:
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    look_up(host, port, answers.put)
    return answers.get(timeout=5)


def test_literals() -> None:
    """Both families, without asking anybody."""
    assert literal("192.0.2.1", 25) == (Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 25)),)
    assert literal("2001:db8::1", 25) == (Address(socket.AF_INET6, "2001:db8::1", ("2001:db8::1", 25, 0, 0)),)
    assert literal("mail.example", 25) is None
    assert literal("127.1", 25) is None


def test_a_name_is_looked_up_in_another_thread() -> None:
    """localhost resolves to loopback."""
    answer = answer_for("localhost")

    assert not isinstance(answer, DnsError)
    assert {address.ip for address in answer} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["mail.invalid", "a" * 64 + ".example", "a..b"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    """The error is delivered, not raised in a thread nobody watches."""
    answer = answer_for(host)

    assert isinstance(answer, DnsError)
    assert answer.phase == "connect"
    assert answer.retryable


def test_lookups_share_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many names are asked for at once; each gets its answer, and no thread stays."""
    release = threading.Event()
    begun: list[str] = []

    def slow(host: str, _port: int, _flags: int) -> tuple[Address, ...]:
        begun.append(host)
        release.wait(5)
        return ()

    monkeypatch.setattr(resolve, "_lookup", slow)
    lookups = resolve.Lookups(most=2)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for number in range(20):
        lookups.begin(f"host{number}", 25, answers.put)
    deadline = time.monotonic() + 5
    while len(begun) < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    assert sorted(begun) == ["host0", "host1"]
    release.set()
    assert [answers.get(timeout=5) for _ in range(20)] == [()] * 20
    while lookups._threads and time.monotonic() < deadline:
        time.sleep(0.002)
    assert lookups._threads == 0


FORKED = """
import os, queue, sys
from mailward.net.resolve import look_up

def found():
    answers = queue.SimpleQueue()
    look_up("localhost", 25, answers.put)
    return isinstance(answers.get(timeout=10), tuple)

first = found()
child = os.fork()
if child == 0:
    os._exit(0 if found() else 1)
sys.exit(0 if first and os.waitpid(child, 0)[1] == 0 else 1)
"""


def test_a_forked_child_looks_names_up_itself() -> None:
    """It has none of the parent's threads, and does not wait for them."""
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("texts", "told"), [([], "no address"), ("192.0.2.1", "not a list"), (["x"], "'x'"), ([b"192.0.2.1"], "not an IP")]
)
def test_what_is_given_instead_of_a_lookup(texts: object, told: str) -> None:
    """resolve= gives addresses as texts; anything else is the error."""
    answer = numbered("mail.example", texts, 25)

    assert isinstance(answer, DnsError)
    assert told in str(answer)
    assert numbered("mail.example", ("192.0.2.1", "::1"), 25) == (literal("192.0.2.1", 25) or ()) + (
        literal("::1", 25) or ()
    )


def test_an_address_at_another_port() -> None:
    """The scope of an IPv6 address stays."""
    address = Address(socket.AF_INET6, "fe80::1", ("fe80::1", 25, 0, 3))

    assert address.at(465).sockaddr == ("fe80::1", 465, 0, 3)
    assert Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 25)).at(465).sockaddr == ("192.0.2.1", 465)
    assert (address.version, Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 25)).version) == (6, 4)


def test_names_of_sockets() -> None:
    """A path has neither address nor port."""
    assert ip_and_port(("::1", 25, 0, 0)) == ("::1", 25)
    assert ip_and_port("/run/s") == ip_and_port(None) == ip_and_port(b"") == ("", 0)


def test_an_address_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver says twice counts once, and other families not at all."""
    found = [
        (socket.AF_INET, 1, 6, "", ("192.0.2.1", 25)),
        (socket.AF_INET6, 1, 6, "", ("2001:db8::1", 25, 0, 3)),
        (socket.AF_INET, 1, 6, "", ("192.0.2.1", 25)),
        (socket.AF_PACKET, 1, 6, "", (1, b"x")),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)

    assert resolve._lookup("two.example", 25, 0) == (
        Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 25)),
        Address(socket.AF_INET6, "2001:db8::1", ("2001:db8::1", 25, 0, 3)),
    )
