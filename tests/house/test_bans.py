"""What may not be written, where ruff alone cannot say it."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from tests.house.tree import ROOT, SRC, docstrings, modules, shown, syntax

# Where an exception that nobody expected ends, and why there.
CATCH_ALL = {
    SRC / "client" / "observer.py": "a hook of the program fails on its own; the message goes on",
    SRC / "server" / "connection.py": "one session's fault ends that session only",
    SRC / "server" / "queue" / "manager.py": "one message's fault defers that message only",
    SRC / "store" / "writer.py": "an operation's fault is told to who submitted it, and spoils no other of its group",
}
REPLIES = SRC / "wire" / "reply.py"
REPLY = re.compile(rb"[2-5][0-5][0-9][ -]")
POSSESSIVE_GROUP = re.compile(rb"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
TYPE_IGNORES = 1


def test_never_means_never() -> None:
    """A ban that says never (pyproject.toml, banned-api) holds even in the rooms that ruff lets through."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    bans = configuration["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    never = {name for name, ban in bans.items() if ban["msg"].startswith("never")}
    broken = [shown(path, node) for path in modules() for node, name in _named(path) if name in never]

    assert never
    assert broken == []


def test_few_catch_alls() -> None:
    """Only the files named above may swallow an exception that they do not know."""
    broken = [
        shown(path, node)
        for path in modules()
        if path not in CATCH_ALL
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not isinstance(node.body[-1], ast.Raise)
    ]

    assert broken == []


def test_replies_have_names() -> None:
    """No reply is written out where it is sent: each has its name in wire/reply.py."""
    broken = [
        shown(path, node)
        for path in modules()
        if path != REPLIES
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Constant) and node not in docstrings(path) and REPLY.match(_octets(node.value))
    ]

    assert broken == []


def test_no_possessive_group() -> None:
    """No pattern has a possessive quantifier on a group: before Python 3.11.5 it matches what it should not.

    `(?:ab?c)?+` takes the `a` of `ab` there (python/cpython#106052). Write `(?>(?:ab?c)?)`, which is right everywhere;
    on one character or one set, possessive quantifiers are right too.
    """
    broken = [
        shown(path, node)
        for path in modules()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Constant)
        and node not in docstrings(path)
        and POSSESSIVE_GROUP.search(_octets(node.value))
    ]

    assert broken == []


def test_type_ignores_only_fall() -> None:
    """Each `type: ignore` is counted. The count may be lowered here, and never raised."""
    found = [shown(path) for path in modules() for line in path.read_text().splitlines() if "# type: ignore" in line]

    assert len(found) == TYPE_IGNORES, found


def _named(path: Path) -> list[tuple[ast.AST, str]]:
    """Every module or attribute that a file imports or spells, dotted, and each of its parents."""
    names: list[tuple[ast.AST, str]] = []
    for node in ast.walk(syntax(path)):
        match node:
            case ast.Import(names=aliases):
                names += [(node, alias.name) for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases):
                names += [(node, module), *((node, f"{module}.{alias.name}") for alias in aliases)]
            case ast.Attribute():
                names.append((node, ast.unparse(node)))
    return names


def _catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace") if isinstance(value, str) else b""
