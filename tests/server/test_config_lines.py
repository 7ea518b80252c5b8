"""Where each key stands in a TOML text."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.server.config_lines import KeyPath, lines_of, nearest_line

TEXT = '''# a comment with [brackets] and "quotes"
title = "a # is no comment" # but this is = one
[[listener]]
address = "127.0.0.1:25"

[[listener]]
"tls" = 'starttls'
  [listener.limits]
  size = 1_000.5
[delivery]
text = """
[not.a.table]
key = "not a key"
ends in quotes"""""
networks = [
  "10.0.0.0/8", # one
  "::/0",
  [1, {a = 2}],
]
inline = { a.b = 1, "c d" = [2, 3] }
when = 1979-05-27 07:32:00
x."y.z".w = 1
'''


@pytest.mark.parametrize(
    "path, line",
    [
        (("title",), 2),
        (("listener",), 3),
        (("listener", 0), 3),
        (("listener", 0, "address"), 4),
        (("listener", 1), 6),
        (("listener", 1, "tls"), 7),
        (("listener", 1, "limits"), 8),
        (("listener", 1, "limits", "size"), 9),
        (("delivery",), 10),
        (("delivery", "text"), 11),
        (("delivery", "networks"), 15),
        (("delivery", "networks", 1), 17),
        (("delivery", "networks", 2, 1, "a"), 18),
        (("delivery", "inline", "a", "b"), 20),
        (("delivery", "inline", "c d", 1), 20),
        (("delivery", "when"), 21),
        (("delivery", "x", "y.z", "w"), 22),
    ],
)
def test_lines(path: KeyPath, line: int) -> None:
    """Tables, arrays of tables, dotted and quoted keys, inline tables and lists are found."""
    assert lines_of(TEXT)[path] == line


def test_text_in_quotes_is_not_keys() -> None:
    """What looks like TOML inside a text of several lines is not."""
    assert ("not", "a", "table") not in lines_of(TEXT)
    assert ("delivery", "key") not in lines_of(TEXT)


def test_nearest_line() -> None:
    """A missing key is told at the table it is missing from; at the top it has no line."""
    lines = lines_of(TEXT)

    assert nearest_line(lines, ("listener", 1, "address")) == 6
    assert nearest_line(lines, ("hostname",)) is None


KEYS = st.text(st.characters(codec="utf-8"), min_size=0, max_size=6)
LEAVES = st.one_of(st.integers(-9, 9), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=8))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(TABLES)
def test_every_key_of_any_table_is_found(table: dict[str, object]) -> None:
    """For a text with one key a line, the line found is the key's own."""
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    _write(table, (), lines, expected)
    text = "\n".join(lines)
    tomllib.loads(text)

    found = lines_of(text)

    assert {path: found[path] for path in expected} == expected


def _write(table: dict[str, object], path: KeyPath, lines: list[str], expected: dict[KeyPath, int]) -> None:
    for key, value in table.items():
        if not isinstance(value, dict):
            lines.append(f"{_quoted(key)} = {_value(value)}")
            expected[*path, key] = len(lines)
    for key, value in table.items():
        if isinstance(value, dict):
            inner = (*path, key)
            lines.append("[" + ".".join(_quoted(str(part)) for part in inner) + "]")
            expected[inner] = len(lines)
            _write(value, inner, lines, expected)


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case str():
            return _quoted(value)
        case _:
            return str(value)


def _quoted(text: str) -> str:
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return '"' + "".join(escaped) + '"'
