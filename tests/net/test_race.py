"""Who runs when: families take turns, places one step apart, and nobody's socket is left open."""

from __future__ import annotations

import select
import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailward.net.attempts import Attempts
from mailward.net.local_address import LocalAddress
from mailward.net.race import Race, Runner, line_up
from mailward.net.resolve import Address
from tests.support.black_hole import black_hole
from tests.support.tcp import tcp_server

ADDRESSES = st.lists(st.sampled_from([4, 6]), max_size=8)


def v4(last: int, port: int = 25) -> Address:
    return Address(socket.AF_INET, f"192.0.2.{last}", (f"192.0.2.{last}", port))


def v6(last: int) -> Address:
    return Address(socket.AF_INET6, f"2001:db8::{last}", (f"2001:db8::{last}", 25, 0, 0))


def order(*places: list[Address]) -> list[tuple[int, str]]:
    return [(runner.place, runner.address.ip) for runner in line_up(places)]


def test_families_take_turns() -> None:
    """The resolver's first family begins, the rest keeps its order (RFC 8305 §4)."""
    assert order([v6(1), v6(2), v6(3), v4(1), v4(2)]) == [
        (0, "2001:db8::1"),
        (0, "192.0.2.1"),
        (0, "2001:db8::2"),
        (0, "192.0.2.2"),
        (0, "2001:db8::3"),
    ]
    assert order([v4(1), v4(2), v4(3), v6(1)])[:3] == [(0, "192.0.2.1"), (0, "2001:db8::1"), (0, "192.0.2.2")]


def test_the_first_place_has_the_first_step() -> None:
    """A second port begins one step later, not after every address of the first."""
    assert order([v6(1), v4(1)], [v6(1), v4(1)]) == [
        (0, "2001:db8::1"),
        (0, "192.0.2.1"),
        (1, "2001:db8::1"),
        (1, "192.0.2.1"),
    ]


@given(ADDRESSES, ADDRESSES)
def test_nobody_is_left_out_or_runs_twice(first: list[int], second: list[int]) -> None:
    """Whatever the resolver gave, and no family waits for two of the other while it has one."""
    places = [[v4(number) if each == 4 else v6(number) for number, each in enumerate(some)] for some in (first, second)]
    runners = line_up(places)

    assert sorted(map(repr, runners)) == sorted(
        repr(Runner(place, address)) for place, some in enumerate(places) for address in some
    )
    for place, some in enumerate((first, second)):
        families = [runner.address.version for runner in runners if runner.place == place]
        turns = 2 * min(some.count(4), some.count(6))
        assert all(one != other for one, other in pairwise(families[:turns]))


def test_a_host_of_a_thousand_addresses_gets_no_thousand_sockets() -> None:
    """Thirty-two are tried."""
    assert len(line_up([[v4(1, port) for port in range(1, 1001)]])) == 32


def test_losers_are_closed() -> None:
    """Once there is a winner, only its socket is open."""
    with black_hole("127.0.0.2") as dead, tcp_server(lambda sock: sock.close()) as server:
        addresses = [
            Address(socket.AF_INET, ip, (ip, port)) for ip, port in [("127.0.0.2", dead), ("127.0.0.1", server.port)]
        ]
        race = Race(line_up([addresses]), {0: None}, Attempts([("x", 1)]))
        race.start()
        race.start()
        losers = [sock for runner, sock in race._running.values() if runner.address.ip == "127.0.0.2"]
        while race.winner is None:
            waiting = select.poll()
            for descriptor in race.running:
                waiting.register(descriptor, select.POLLOUT)
            waiting.poll(1000)
            race.look()
        race.close()
        place, sock = race.winner
        with sock:
            assert (place, sock.getpeername()[0]) == (0, "127.0.0.1")

    assert [loser.fileno() for loser in losers] == [-1]


def test_a_port_that_is_taken_leads_to_the_next() -> None:
    """A range of source ports is used until one is free; when none is, that is told."""
    with socket.create_server(("127.0.0.1", 0)) as taken, tcp_server(lambda sock: sock.close()) as server:
        port = taken.getsockname()[1]
        address = Address(socket.AF_INET, "127.0.0.1", ("127.0.0.1", server.port))
        local = LocalAddress.of(f"127.0.0.1:{port}")
        assert local is not None
        attempts = Attempts([("x", 1)])
        race = Race(line_up([[address]]), {0: local.next_for("x")}, attempts)
        race.start()
        race.close()

    assert race.winner is None
    assert "127.0.0.1: Address already in use" in str(attempts.error())
