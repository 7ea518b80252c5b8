"""Names become addresses once each, and a literal needs no resolver."""

from __future__ import annotations

import queue
import socket

import pytest

from mailward.errors import DnsError
from mailward.net import resolve
from mailward.net.resolve import Address, Answer, literal, look_up


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
