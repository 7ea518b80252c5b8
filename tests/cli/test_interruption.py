"""ctrl-c as an error."""

from __future__ import annotations

import signal
import threading

import pytest

from mailward.cli.interruption import Interrupted, as_an_error, noticed


def test_the_first_and_the_next() -> None:
    """The first is an error of ours, the second is what it always is, and afterwards all is as before."""
    with as_an_error():
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_another_thread() -> None:
    """Only the main thread may handle signals; elsewhere nothing changes."""
    found: list[object] = []

    def look() -> None:
        with as_an_error():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert found == [signal.default_int_handler]


def test_noticed() -> None:
    """The first is only told, the second is what it always is, and afterwards all is as before."""
    with noticed() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
