"""The session log of a client: a text transcript, JSON lines, `logging`, or OpenTelemetry spans.

A file is 0600, appended to line by line, rotated at 16 MiB; its name may have the date in it (`smtp-%Y-%m-%d.log`).
What cannot be written is told once to the log `mailward.client` and never fails a send.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mailward.client.observer import KINDS, Hook, Observer, SessionEvent, hooks_of
from mailward.errors import InputError, StoreError
from mailward.printable import printable

if TYPE_CHECKING:
    from datetime import datetime

    from mailward.store.event_file import EventFile

Log: TypeAlias = str | PathLike[str] | logging.Logger | Hook

_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_own = logging.getLogger("mailward.client")


def observer_of(
    event_hooks: Mapping[str, Hook | Iterable[Hook]] | None,
    log: Log | Iterable[Log] | None,
    *,
    utc: Callable[[], datetime],
) -> Observer | None:
    """None where nobody listens. `log`: a file (`.jsonl` for JSON lines, else text), a Logger, "otel", or several."""
    hooks = hooks_of(event_hooks)
    for each in _several(log):
        sink = _sink(each)
        for kind in KINDS:
            hooks[kind] = (*hooks.get(kind, ()), sink)
    return Observer(hooks, utc=utc) if hooks else None


def _several(log: object) -> tuple[object, ...]:
    if log is None:
        return ()
    return tuple(log) if isinstance(log, list | tuple) else (log,)


def _sink(log: object) -> Hook:
    if isinstance(log, logging.Logger):
        return _LoggerSink(log)
    if log == "otel":
        from mailward.client.spans import Spans  # noqa: PLC0415  # an extra

        return Spans()
    if isinstance(log, str | PathLike):
        path = fspath(log)
        if not path:
            raise InputError("log= is an empty file name", phase="options")
        return _FileSink(path, json_line if path.endswith(_JSON_SUFFIXES) else text_line)
    if callable(log):
        return log
    raise InputError("log= must be a file, a logging.Logger, or a callable", phase="options")


def text_line(event: SessionEvent) -> str:
    """`2026-11-24T20:47:27.123Z 1 mx.example.test C: EHLO [192.0.2.7]`; a reply of several lines as several."""
    begin = f"{event.time:%Y-%m-%dT%H:%M:%S}.{event.time.microsecond // 1000:03d}Z {event.session or '-'} {event.host}"
    return "\n".join(f"{begin} {line}" for line in dialogue_lines(event))


def dialogue_lines(event: SessionEvent) -> list[str]:
    """The event as lines of a dialogue: `C:` we, `S:` the server, `*` what happened."""
    data = event.data
    match event.kind:
        case "said":
            return [f"C: {data['text']}"]
        case "heard":
            lines = data["lines"]
            assert isinstance(lines, tuple)  # noqa: S101 - Watch.heard makes it
            enhanced = f"{data['enhanced_code']} " if data["enhanced_code"] else ""
            last = len(lines) - 1
            return [
                f"S: {data['code']}{'-' if number < last else ' '}{enhanced}{line}" for number, line in enumerate(lines)
            ]
    told = " ".join(f"{name}={_value(value)}" for name, value in data.items() if value not in (None, ""))
    return [f"* {event.kind} {told}".rstrip()]


def json_line(event: SessionEvent) -> str:
    """One object: time, session, host, event, and the data; in ASCII."""
    head = {"time": event.time.isoformat(), "session": event.session, "host": event.host, "event": event.kind}
    return json.dumps({**head, **event.data}, default=str)


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(printable(str(each), 500) for each in value)
    text = printable(str(value), 500)
    return f'"{text}"' if " " in text else text


class _FileSink:
    """`path` is looked at through strftime, so that each day may have a file of its own."""

    def __init__(self, path: str, form: Callable[[SessionEvent], str]) -> None:
        self._pattern = path
        self._form = form
        self._file: EventFile | None = None
        self._failed = False

    def __call__(self, event: SessionEvent) -> None:
        try:
            self._at(event.time).write(self._form(event).encode("utf-8", "backslashreplace").split(b"\n"))
            self._failed = False
        except StoreError as error:
            if not self._failed:
                _own.error("the session log cannot be written: %s", error.message)
            self._failed = True

    def _at(self, time: datetime) -> EventFile:
        from mailward.store.event_file import EventFile  # noqa: PLC0415  # only for who keeps one

        path = Path(time.strftime(self._pattern))
        if self._file is None or self._file.path != path:
            if self._file is not None:
                self._file.close()
            self._file = EventFile(path)
        return self._file


class _LoggerSink:
    """Dialogue at DEBUG, failures at WARNING, the rest at INFO."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __call__(self, event: SessionEvent) -> None:
        level = _LEVELS.get(event.kind, logging.INFO)
        if self._logger.isEnabledFor(level):
            for line in dialogue_lines(event):
                self._logger.log(level, "%s %s %s", event.host, event.session, line)


_LEVELS = {
    "said": logging.DEBUG,
    "heard": logging.DEBUG,
    "failed": logging.WARNING,
    "login-failed": logging.WARNING,
    "downgrade": logging.ERROR,
}
