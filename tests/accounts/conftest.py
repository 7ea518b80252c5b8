"""The accounts of one process, and hashes that cost nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.store.database import Database
from mailward.store.writer import Writer

ANN = "ann@example.test"
CANARY = "canary-horse-battery-7"
OTHER = "purple umbrella dentist 9"
THIRD = "lantern-4b8k-violin-36sp-harbor"


class Installation:
    """A database with a writer, as one process has it open. settings: further arguments of `Accounts`."""

    def __init__(self, path: Path, hasher: Hasher, **settings: Any) -> None:
        self.clock = 100.0
        self.database = Database.open(path)
        self.writer = Writer(self.database, deliver=lambda call: call())
        self._hasher = hasher
        self.accounts = self.opened(**settings)

    def opened(self, **settings: Any) -> Accounts:
        """The same accounts under other settings."""
        return Accounts(
            self.database.reader(), self.writer.run, hasher=self._hasher, now=lambda: self.clock, **settings
        )

    def close(self) -> None:
        self.writer.close()
        self.database.close()


@pytest.fixture(scope="session")
def cheap_hasher() -> Iterator[Hasher]:
    hasher = Hasher(workers=1, memory_kib=8, time_cost=1)
    yield hasher
    hasher.close()


@pytest.fixture
def installation(tmp_path: Path, cheap_hasher: Hasher) -> Iterator[Installation]:
    installation = Installation(tmp_path / "state" / "mailward.db", cheap_hasher)
    yield installation
    installation.close()


@pytest.fixture
def accounts(installation: Installation) -> Accounts:
    return installation.accounts
