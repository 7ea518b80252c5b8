"""ctrl-c while a message is being sent: an error like any other, so that its outcome is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from mailward.errors import MailwardError

if TYPE_CHECKING:
    from types import FrameType


class Interrupted(MailwardError):
    """Somebody pressed ctrl-c. After the content has left, the client makes an OutcomeUnknown of it."""


@contextmanager
def as_an_error() -> Iterator[None]:
    """The first ctrl-c inside raises Interrupted, the next KeyboardInterrupt as ever."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, usual)
        raise Interrupted("interrupted")

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """The first ctrl-c inside is told by what is yielded, and interrupts nothing; the next is as ever."""
    usual = signal.getsignal(signal.SIGINT)
    found: list[int] = []
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def notice(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        found.append(number)

    signal.signal(signal.SIGINT, notice)
    try:
        yield lambda: bool(found)
    finally:
        signal.signal(signal.SIGINT, usual)
