"""What the tests of the account sources share: a quick hasher, a clock that is moved by hand, a question."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.source import Question
from mailward.secret import Secret


class Clock:
    """`now` is what was set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def quick_hasher() -> Iterator[Hasher]:
    """The least argon2 has, for tests that are not about it."""
    hasher = Hasher(workers=2, memory_kib=8, time_cost=1)
    try:
        yield hasher
    finally:
        hasher.close()


def question(name: str = "ann@example.test", password: str = "four words of ann", source: str = "") -> Question:
    return Question(name, Secret(password), source)


def tells(error: BaseException | None, secret: str) -> bool:
    """Whether the error, those before it, or a variable of a frame of the package or a library shows the secret."""
    while error is not None:
        if secret in str(error):
            return True
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/tests/" not in frame.f_code.co_filename and secret in repr(frame.f_locals):
                return True
        error = error.__cause__ or error.__context__
    return False
