"""On which line of a TOML text each key stands (toml.io v1.0.0); the text is known to be valid TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_LEXEME = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'  # a text of several lines may end in up to two quotes of its own
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=,.\n]"
    r"|[^\s\[\]{}=,.#\"']+",
    re.DOTALL,
)
_END = ("", 0)


def lines_of(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every table, key and list element, by path: `("listener", 0, "tls")`."""
    return _Locator(text).document()


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """The line of `path`, or of the closest thing around it (a missing key has none of its own)."""
    return next((lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), None)


def _lexemes(text: str) -> Iterator[tuple[str, int]]:
    line, seen = 1, 0
    for match in _LEXEME.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        if not match.group().startswith("#"):
            yield match.group(), line


class _Locator:
    def __init__(self, text: str) -> None:
        self._rest = _lexemes(text.replace("\r\n", "\n"))
        self._lexeme, self._line = next(self._rest, _END)
        self._lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}  # arrays of tables: how many there are so far

    def document(self) -> dict[KeyPath, int]:
        prefix: KeyPath = ()
        while self._lexeme:
            if self._lexeme == "\n":
                self._next()
            elif self._lexeme == "[":
                prefix = self._header()
            else:
                self._pair(prefix)
        return self._lines

    def _next(self) -> None:
        self._lexeme, self._line = next(self._rest, _END)

    def _header(self) -> KeyPath:
        self._next()
        array = self._lexeme == "["
        if array:
            self._next()
        line, names = self._line, self._key()
        path: KeyPath = ()
        for name in names:
            if path in self._tables:
                path += (self._tables[path] - 1,)
            path += (name,)
            self._lines.setdefault(path, line)
        if array:
            self._tables[path] = self._tables.get(path, 0) + 1
        if path in self._tables:
            path += (self._tables[path] - 1,)
            self._lines.setdefault(path, line)
        while self._lexeme == "]":
            self._next()
        return path

    def _key(self) -> list[str]:
        names = []
        while self._lexeme not in ("=", "]", ""):
            if self._lexeme != ".":
                names.append(next(iter(tomllib.loads(f"{self._lexeme} = 0"))))
            self._next()
        return names

    def _pair(self, prefix: KeyPath) -> None:
        line, path = self._line, prefix
        for name in self._key():
            path += (name,)
            self._lines.setdefault(path, line)
        self._next()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._lexeme == "[":
            self._list(path)
        elif self._lexeme == "{":
            self._inline_table(path)
        else:
            while self._lexeme not in ("", "\n", ",", "]", "}"):
                self._next()

    def _list(self, path: KeyPath) -> None:
        self._next()
        index = 0
        while self._lexeme not in ("]", ""):
            if self._lexeme == ",":
                index += 1
                self._next()
            elif self._lexeme == "\n":
                self._next()
            else:
                self._lines[(*path, index)] = self._line
                self._value((*path, index))
        self._next()

    def _inline_table(self, path: KeyPath) -> None:
        self._next()
        while self._lexeme not in ("}", ""):
            if self._lexeme in (",", "\n"):
                self._next()
            else:
                self._pair(path)
        self._next()
