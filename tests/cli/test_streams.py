"""Standard streams that are closed, full or left by their reader."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mailward.cli import streams


def test_closed_streams_become_the_null_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed then goes nowhere, and nothing fails."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    streams.prepare()

    with sys.stdin, sys.stdout, sys.stderr:
        assert sys.stdin.read() == ""
        assert sys.stdout.write("x") == 1
        assert sys.stderr.write("x") == 1


def test_a_full_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error that is full stops nobody, and is not tried again."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)

        streams.say_error("x")

        full.write("y")
        streams.finish()


def test_a_stream_without_descriptor() -> None:
    """There is nothing to redirect."""
    streams.abandon(io.StringIO())


def test_the_reader_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed for a reader that has left is no error; other errors are."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with streams.reader_may_leave():
        raise BrokenPipeError
    with pytest.raises(FileNotFoundError), streams.reader_may_leave():
        raise FileNotFoundError
