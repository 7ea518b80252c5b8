"""A Mailward configuration and state directory in a place of its own, and what can be read in it while it is used."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.secret import Secret
from mailward.store import messages
from mailward.store.database import Database
from mailward.store.events import select
from mailward.store.message import QUEUED, StoredMessage
from mailward.store.spool import Spool
from mailward.store.writer import Writer
from tests.support.talk import Context, trusting

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
Value = str | int | float | bool | list[str]
Section = Mapping[str, Value]

HOSTNAME = "mail.example.test"
ANN, BOB = "ann@example.test", "bob@example.test"
PASSWORD = "quiet otters row at nine"
IMPLICIT, STARTTLS, PLAINTEXT = "implicit", "starttls", "insecure-plaintext"
SECURE = (IMPLICIT, STARTTLS)
SMALL: Section = {"tracked_sources": 2000, "tracked_accounts": 500}  # a state file that is made in no time
TRUSTED = "127.0.0.9"  # may send without a login, where a test says relay=True
COMMAND = str(Path(sys.executable).with_name("mailward"))
_PORTS = range(20_000, 32_000)  # below those the system gives to clients, so that nobody takes them in a restart


class Installation:
    """`listeners`: the kinds of TLS, a listener each. `accounts`: names and passwords. `relay`: TRUSTED may send.

    `door`: what the configuration says of each listener besides. Each other keyword is a section of it:
    `guard={"delay_first": 0.01}`.
    `entering`: a command that `cli` is run under, such as nsenter.
    """

    entering: tuple[str, ...] = ()

    def __init__(
        self,
        directory: Path,
        *,
        listeners: tuple[str, ...] = SECURE,
        accounts: Mapping[str, str] | None = None,
        relay: bool = False,
        host: str = "127.0.0.1",
        hostname: str = HOSTNAME,
        door: Section | None = None,
        **sections: Section,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.state = directory / "state"
        self.file = directory / "mailward.toml"
        self.host = host
        self.ports: dict[str, int] = {}
        self._hostname = hostname
        self._listeners = listeners
        self._door = dict(door or {})
        self._sections = {name: dict(section) for name, section in sections.items()}
        self._sections["guard"] = dict(SMALL) | self._sections.get("guard", {})
        if relay:
            self._sections.setdefault("allowlist", {})["relay_without_login"] = [TRUSTED]
        self.configure(dict.fromkeys(listeners, 0))
        self.add_accounts({ANN: PASSWORD} if accounts is None else accounts)

    def configure(self, ports: Mapping[str, int]) -> None:
        """Write the configuration file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"hostname = {_toml(self._hostname)}", f"state = {_toml(str(self.state))}"]
        for tls in self._listeners:
            lines += ["[[listener]]", f'address = "{host}:{ports[tls]}"', f"tls = {_toml(tls)}"]
            lines += [f"{key} = {_toml(value)}" for key, value in self._door.items()]
        for name, section in self._sections.items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items())]
        self.file.write_text("\n".join(lines) + "\n")

    def section(self, name: str, **values: Value) -> None:
        """Change the configuration for the next start."""
        self._sections.setdefault(name, {}).update(values)

    def add_accounts(self, accounts: Mapping[str, str]) -> None:
        """As `mailward user add` does, and quicker."""
        if not accounts:
            return
        database = Database.open(self.state / "mailward.db")
        writer = Writer(database, deliver=lambda call: call())
        hasher = Hasher(workers=1)
        try:
            book = Accounts(database.reader(), writer.run, hasher=hasher, now=time.time)
            for name, password in accounts.items():
                book.add(name, Secret(password))
        finally:
            hasher.close()
            writer.close()
            database.close()

    @property
    def ca(self) -> Path:
        return self.state / "ca" / "ca.pem"

    @property
    def trust(self) -> Context:
        """A TLS context that trusts this server and no other."""
        return trusting(self.ca)

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Reads the database, whether or not the server runs."""
        database = Database.open(self.state / "mailward.db", create=False)
        try:
            yield database.reader()
        finally:
            database.close()

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Those of the file, of these types."""
        lines = (self.state / "events.jsonl").read_bytes().splitlines()
        return [event for event in map(json.loads, lines) if not types or event["type"] in types]

    def recorded(self, *types: str) -> list[dict[str, Any]]:
        """Those of the database."""
        with self.reader() as reader:
            return [json.loads(line) for _, line in select(reader, types=types or None)]

    def mails(self) -> list[StoredMessage]:
        with self.reader() as reader:
            return list(messages.listing(reader))

    def queue(self) -> list[StoredMessage]:
        with self.reader() as reader:
            return list(messages.listing(reader, states=(QUEUED,)))

    def content(self, identifier: str) -> bytes:
        """The stored octets of a message."""
        with self.reader() as reader:
            return b"".join(messages.content(reader, identifier, Spool(self.state / "spool")))

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `mailward` with these arguments and this configuration."""
        command = [*self.entering, COMMAND, *arguments, "--config", str(self.file)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    def listing(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def listing_lines(self, *arguments: str) -> list[Any]:
        """What a command prints with --json, an object a line."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def until(condition: Callable[[], T], *, within: float = 10.0) -> T:
    """Waits for what another process or thread brings about; gives it when it is true."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"it did not come true within {within} s; the last was {found!r}"
        time.sleep(0.01)


def own_field(content: bytes) -> tuple[bytes, bytes]:
    """The Received field that Mailward put before the content, and the content as it was sent."""
    lines = content.splitlines(keepends=True)
    assert lines[0].startswith(b"Received:"), lines[0]
    folded = (number for number, line in enumerate(lines[1:], 1) if not line.startswith((b" ", b"\t")))
    end = next(folded, len(lines))
    return b"".join(lines[:end]), b"".join(lines[end:])


def free_port() -> int:
    """One that nobody listens on, and that no client is given."""
    while True:
        port = secrets.choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def _toml(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
