"""Clients that log in, for so many seconds: with SCRAM, with PLAIN, not at all, or from a banned source."""

from __future__ import annotations

import argparse
import base64
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.workers.timing import Watch

BANNED = "127.0.0.66"  # the source that guesses
THREADS = 4  # fewer than the guesses that the guard lets one source have in the air
_MOST_GUESSES = 100


class Door(NamedTuple):
    port: int
    ca: Path
    user: str
    password: str

    def connect(self, source: str | None = None) -> smtplib.SMTP_SSL:
        context = ssl.create_default_context(cafile=self.ca)
        where = (source, 0) if source else None
        client = smtplib.SMTP_SSL(
            "127.0.0.1", self.port, local_hostname="localhost", context=context, source_address=where
        )
        client.ehlo()
        return client


# A load does one thing each time it is asked.


def no_login(door: Door) -> Iterator[None]:
    """The connection, TLS and EHLO alone: what is to be taken off the others."""
    while True:
        with door.connect():
            pass
        yield


def plain(door: Door) -> Iterator[None]:
    while True:
        with door.connect() as client:
            _ask(client, door.user, door.password, expected=235)
        yield


def scram(door: Door) -> Iterator[None]:
    from mailward import Client  # noqa: PLC0415  # only this one needs it

    auth = (door.user, door.password)
    while True:
        with Client("127.0.0.1", door.port, tls="implicit", ca=door.ca, auth=auth, ehlo_name="localhost"):
            pass
        yield


def banned(door: Door) -> Iterator[None]:
    """All on one connection, so that TLS weighs nothing."""
    with door.connect(BANNED) as client:
        while True:
            _ask(client, door.user, "wrong", expected=454)
            yield


LOADS: dict[str, Callable[[Door], Iterator[None]]] = {
    "TLS, no login": no_login,
    "SCRAM-SHA-256-PLUS": scram,
    "PLAIN": plain,
    "refused, source banned": banned,
}


def get_banned(door: Door) -> None:
    """Guesses until the server does not look any more."""
    with door.connect(BANNED) as client:
        for number in range(_MOST_GUESSES):
            if _ask(client, "nobody@example.test", f"wrong {number}") == 454:
                return
    raise AssertionError(f"not banned after {_MOST_GUESSES} wrong passwords")


def measure(load: Callable[[Door], Iterator[None]], door: Door, seconds: float) -> None:
    loads = [load(door) for _ in range(THREADS)]
    for each in loads:
        next(each)
    counts: list[int] = []
    watch = Watch(seconds)
    threads = [threading.Thread(target=lambda each=each: counts.append(_repeat(each, watch))) for each in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == THREADS, "a thread has failed"
    watch.stop(sum(counts))


def _repeat(load: Iterator[None], watch: Watch) -> int:
    count = 0
    while watch.going or not count:
        next(load)
        count += 1
    return count


def _ask(client: smtplib.SMTP, user: str, password: str, *, expected: int | None = None) -> int:
    response = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    code, reply = client.docmd("AUTH", f"PLAIN {response}")
    assert expected in (code, None), (code, reply)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=[*LOADS, "get banned"])
    parser.add_argument("seconds", type=float)
    parser.add_argument("port", type=int)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    door = Door(options.port, options.ca, options.user, options.password)
    if options.load in LOADS:
        measure(LOADS[options.load], door, options.seconds)
    else:
        get_banned(door)


if __name__ == "__main__":
    main()
