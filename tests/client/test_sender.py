from __future__ import annotations

import inspect

import pytest

from mailward import AsyncClient, Client
from mailward.client.failover import AsyncFailover, AsyncRoundRobin, Failover, RoundRobin
from mailward.client.sender import Way
from mailward.client.transports.face import AsyncTransport, Transport


@pytest.mark.parametrize(
    "kind", [Client, AsyncClient, Failover, AsyncFailover, RoundRobin, AsyncRoundRobin, Transport, AsyncTransport]
)
def test_whatever_sends_is_one(kind: type) -> None:
    """The same parameters with the same defaults, so that each can stand for each."""
    for name in ("send", "close"):
        wanted, there = (inspect.signature(getattr(each, name)).parameters.values() for each in (Way, kind))
        assert [(one.name, one.kind, one.default) for one in wanted] == [
            (one.name, one.kind, one.default) for one in there
        ]
