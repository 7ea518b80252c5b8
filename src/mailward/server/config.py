"""`mailward.toml` → a `Config`, or every fault in it: file, line, key and the nearest right one."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path

import msgspec

from mailward.errors import InvalidConfig
from mailward.printable import printable
from mailward.server import config_checks, config_files, state_directory
from mailward.server.config_lines import KeyPath, lines_of, nearest_line
from mailward.server.config_paths import absolute
from mailward.server.config_sections import (
    AllowlistConfig,
    Config,
    DeliveryConfig,
    EventsConfig,
    GuardConfig,
    LimitsConfig,
    ListenerConfig,
    QueueConfig,
    TlsConfig,
)
from mailward.server.config_structure import Fault, read

__all__ = [
    "AllowlistConfig",
    "Config",
    "DeliveryConfig",
    "EventsConfig",
    "GuardConfig",
    "InvalidConfigFile",
    "LimitsConfig",
    "ListenerConfig",
    "QueueConfig",
    "TlsConfig",
    "check",
    "defaults",
    "load",
    "locate",
    "parse",
    "warnings",
]


class InvalidConfigFile(InvalidConfig):
    """The first fault of a file; `others` are the rest, in the order of their lines."""

    others: tuple[InvalidConfig, ...] = ()


def load(path: Path) -> Config:
    """The configuration in `path`, its paths made absolute. Raises InvalidConfigFile; changes nothing."""
    return parse(_text(path), str(path))


def parse(text: str, file: str, *, files: bool = True) -> Config:
    """The configuration in `text`; `file` is for messages and for relative paths. Raises InvalidConfigFile.

    `files`: also look at the files it names.
    """
    config, errors = _examine(text, file, files=files)
    if config is None:
        first = InvalidConfigFile(errors[0].message, file=file, line=errors[0].line, key=errors[0].key)
        first.others = tuple(errors[1:])
        raise first
    return config


def check(text: str, file: str, *, files: bool = True) -> list[InvalidConfig]:
    """Every fault, in the order of the lines; empty when the configuration is sound."""
    return _examine(text, file, files=files)[1]


def warnings(config: Config, now: datetime) -> list[str]:
    """What is allowed but dangerous or soon wrong, a sentence each. `now`: with a time zone."""
    return config_checks.warnings_of(config) + config_files.warnings_of(config, now)


def defaults(state: Path) -> Config:
    """What `mailward serve` uses without a file: loopback only, local CA, sandbox."""
    return Config(
        hostname="localhost",
        state=str(state.absolute()),
        listener=(
            ListenerConfig(address="127.0.0.1:5465", tls="implicit"),
            ListenerConfig(address="127.0.0.1:5587", tls="starttls"),
        ),
    )


def locate(path: Path, error: InvalidConfig) -> InvalidConfig:
    """A fault found later (a port in use, a CA that does not match), with its file and line."""
    if error.file or not error.key:
        return error
    path_of_key = tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", error.key))
    line = nearest_line(lines_of(_text(path)), path_of_key)
    located = _invalid(str(path), line, error.key, error.message)
    located.advice = error.advice
    return located


def _text(path: Path) -> str:
    try:
        return state_directory.read_bounded(path).decode("utf-8")
    except OSError as error:
        raise InvalidConfigFile(f"{path}: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidConfigFile(f"{path}:{line}: is not UTF-8 text", file=str(path), line=line) from error


def _examine(text: str, file: str, *, files: bool) -> tuple[Config | None, list[InvalidConfig]]:
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [_not_toml(text, file, error)]
    faults: list[Fault] = []
    values = read(Config, table, (), faults)
    faults += config_checks.faults_of(values)
    base = Path(file).absolute().parent
    unsound = {fault.path[0] for fault in faults}
    resolved = {name: absolute(name, value, base) for name, value in values.items() if name not in unsound}
    if files:
        faults += config_files.faults_of(resolved)
    if not faults:
        return msgspec.convert(resolved, Config), []
    lines = lines_of(text)
    errors = [_invalid(file, nearest_line(lines, item.path), _written(item.path), item.message) for item in faults]
    return None, sorted(errors, key=lambda error: error.line or 0)


def _not_toml(text: str, file: str, error: Exception) -> InvalidConfig:
    said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    position = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", said)
    line = None if position is None else int(position[1] or text.count("\n") + 1)
    said = said if position is None else said[: position.start()]
    return _invalid(file, line, "", f"is not TOML: {printable(said, 120)}")


def _written(path: KeyPath) -> str:
    """`listener[0].address`, as one would write it."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part, 64)}" for part in path)
    return key.removeprefix(".")


def _invalid(file: str, line: int | None, key: str, message: str) -> InvalidConfig:
    where = f"{printable(file, 200)}:{line}" if line else printable(file, 200)
    told = f"{where}: {key}: {message}" if key else f"{where}: {message}"
    return InvalidConfig(told, file=file, line=line, key=key)
