"""Standard input, output and error as they may be: closed, full, or with a reader that has left."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click


def prepare() -> None:
    """A stream that is closed becomes the null device; what a terminal cannot show becomes its number."""
    sys.stdin = sys.stdin or _null("r")
    sys.stdout = sys.stdout or _null("w")
    sys.stderr = sys.stderr or _null("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Nothing is left that the interpreter would fail to write at its end, which would change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            abandon(stream)


def abandon(stream: TextIO) -> None:
    """What is still to be written to it goes nowhere."""
    with suppress(OSError):  # one without a descriptor has nothing to be redirected
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """For what is printed by a command that has its own exit code whether or not somebody reads on."""
    try:
        yield
    except BrokenPipeError:
        abandon(sys.stdout)


def say_error(line: str) -> None:
    """On standard error, if that can be written to."""
    try:
        click.echo(line, err=True)
    except OSError:
        abandon(sys.stderr)


def was_closed() -> bool:
    """Whether there was no standard output to begin with."""
    return sys.__stdout__ is None


def _null(mode: str) -> TextIO:
    stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as the process
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - what open gives in a text mode
    return stream
