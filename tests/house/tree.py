"""The tree that the rules look at: every file git keeps or would keep, and the syntax of ours."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "mailward"
TESTS = ROOT / "tests"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Everything in the tree that git does not ignore."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(path for name in sorted(set(names)) if name and (path := ROOT / name).is_file())


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package."""
    return tuple(path for path in files() if path.suffix == ".py" and path.is_relative_to(SRC))


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def shown(path: Path, node: ast.AST | None = None) -> str:
    """A path as a person clicks it."""
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(syntax(path)) if isinstance(node, Function)]


def docstrings(path: Path) -> set[ast.expr]:
    """The nodes that are documentation, not values."""
    owners = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.Module | ast.ClassDef | Function)]
    firsts = [node.body[0] for node in owners if node.body]
    return {first.value for first in firsts if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)}
