"""The server that a command is about: its configuration and its state directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mailward.errors import InvalidConfig, StoreError

if TYPE_CHECKING:
    import sqlite3

    from mailward.server.config import Config
    from mailward.store.database import Database

T = TypeVar("T")

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="MAILWARD_CONFIG",
    metavar="FILE",
    help="The server's mailward.toml; without it, the one `mailward serve` keeps by itself.",
)


def load(config_file: Path | None) -> Config:
    """The configuration in the file, or the one of `mailward serve` without a file. Raises InvalidConfig."""
    from mailward.server import config, state_directory  # noqa: PLC0415 - loads what only some commands need

    return config.defaults(state_directory.default_path()) if config_file is None else config.load(config_file)


@dataclass(frozen=True, slots=True)
class Installation:
    """`reader`: for reading, of this thread."""

    config: Config
    database: Database
    reader: sqlite3.Connection

    def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Carry `operation` out and come back when it is on disk, whether or not a server is running."""
        from mailward.store.writer import Writer  # noqa: PLC0415

        writer = Writer(self.database, deliver=lambda call: call())
        try:
            return writer.run(operation)
        finally:
            writer.close()


@contextmanager
def opened(config_file: Path | None, *, create: bool = False) -> Iterator[Installation]:
    """`create`: make the state directory if there is none yet. Raises InvalidConfig, StoreError."""
    config = load(config_file)
    with located(config_file), opened_at(config, create=create) as place:
        yield place


@contextmanager
def opened_at(config: Config, *, create: bool = False) -> Iterator[Installation]:
    from mailward.server import state_directory  # noqa: PLC0415
    from mailward.store.database import Database  # noqa: PLC0415

    state = config.state_path
    if create:
        state_directory.prepare(state)
    elif not state.exists():
        raise StoreError(
            f"there is no state directory {state}", phase="store", advice="start the server once: mailward serve"
        )
    else:
        state_directory.verify(state)
    database = Database.open(config.database_path, create=create)
    try:
        yield Installation(config, database, database.reader())
    finally:
        database.close()


@contextmanager
def located(config_file: Path | None) -> Iterator[None]:
    """What is found wrong with the configuration only when it is used, is told with its file and line too."""
    from mailward.server import config  # noqa: PLC0415

    try:
        yield
    except InvalidConfig as error:
        if config_file is None:
            raise
        raise config.locate(config_file, error) from error


def utc_now() -> datetime:
    """The time of day."""
    from mailward.net.clock import Clock  # noqa: PLC0415

    return Clock().utc()
