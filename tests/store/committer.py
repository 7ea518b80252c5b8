"""A process that commits and tells what was acknowledged, to be killed, starved of space or given faulty syncs.

usage: committer.py DATABASE groups        commits groups for ever; a line with its id for each acknowledged message
       committer.py DATABASE one-by-one N  commits N messages; a line `ok ID` or `ErrorClass message` for each
       committer.py DATABASE until-full    fills the disk; then frees some and goes on; prints the same
"""

from __future__ import annotations

import os
import sqlite3
import sys
from functools import partial
from pathlib import Path
from threading import Semaphore

from mailward.errors import StoreError, StoreFull
from mailward.store import Database, Writer, messages
from mailward.store.message import NewMessage
from tests.store.sample import new_message

GROUP = 20


def groups(writer: Writer) -> None:
    """Acknowledged by one write(2) each, so that a kill leaves whole lines."""
    room = Semaphore(3 * GROUP)

    def done(message: NewMessage, _value: None, error: StoreError | None) -> None:
        if error is None:
            os.write(1, message.id.encode() + b"\n")
        room.release()

    while True:
        room.acquire()
        message = new_message()
        writer.submit(partial(_insert, message), partial(done, message))


def one_by_one(writer: Writer, number: int) -> None:
    for _ in range(number):
        commit(writer, b"x" * 600)


def until_full(writer: Writer, ballast: Path) -> None:
    while not isinstance(commit(writer, b"x" * 8000), StoreFull):
        pass
    ballast.unlink()
    commit(writer, b"x" * 8000)


def commit(writer: Writer, content: bytes) -> StoreError | None:
    message = new_message(content=content, size=len(content))
    try:
        writer.run(partial(_insert, message))
    except StoreError as error:
        os.write(1, f"{type(error).__name__} {error}\n".encode())
        return error
    os.write(1, f"ok {message.id}\n".encode())
    return None


def _insert(message: NewMessage, connection: sqlite3.Connection) -> None:
    messages.insert(connection, message)


def main(path: str, mode: str, *arguments: str) -> None:
    ballast = Path(path).with_name("ballast")
    if mode == "until-full":
        ballast.write_bytes(b"x" * 300_000)
    database = Database.open(Path(path))
    writer = Writer(database, deliver=lambda call: call())
    match mode:
        case "groups":
            groups(writer)
        case "one-by-one":
            one_by_one(writer, int(arguments[0]))
        case "until-full":
            until_full(writer, ballast)
    writer.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
