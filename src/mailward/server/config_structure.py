"""A TOML table → the section it describes, or everything that is wrong with its keys and types."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import msgspec

from mailward.printable import printable
from mailward.server.config_lines import KeyPath
from mailward.server.config_section import Section
from mailward.server.config_sections import Config


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at `path`."""

    path: KeyPath
    message: str


def read(section: type[Section], table: object, path: KeyPath, faults: list[Fault]) -> dict[str, object]:
    """The values of `table` that are well formed, by key; appends a fault for each that is not, or is missing."""
    if not isinstance(table, dict):
        faults.append(Fault(path, f"expected a table, [{_dotted(path)}], got {_kind(table)}"))
        return {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
    faults.extend(Fault((*path, key), _unknown(key, fields, path)) for key in table if key not in fields)
    values: dict[str, object] = {}
    mistyped = {_near(key, fields) for key in table if key not in fields}
    for name, field in fields.items():
        if name in table:
            value = _value(field.type, table[name], (*path, name), faults)
            if value is not None:
                values[name] = value
        elif field.required and name not in mistyped:
            faults.append(Fault((*path, name), "is missing"))
    return values


def _value(wanted: object, given: object, path: KeyPath, faults: list[Fault]) -> object:
    """The converted value, or None and a fault."""
    section, many = _section_of(wanted)
    if section is not None and typing.get_origin(wanted) is dict:
        return _by_name(section, given, path, faults)
    if section is None and typing.get_origin(wanted) is tuple and isinstance(given, list):
        element, _ = typing.get_args(wanted)
        values = [_leaf(element, item, (*path, index), faults) for index, item in enumerate(given)]
        return None if None in values else tuple(values)
    if section is None:
        return _leaf(wanted, given, path, faults)
    if not many:
        return _built(section, given, path, faults)
    if not isinstance(given, list):
        faults.append(Fault(path, f"expected tables, each under [[{_dotted(path)}]] in double brackets"))
        return None
    items = [_built(section, item, (*path, index), faults) for index, item in enumerate(given)]
    return tuple(items)


def _by_name(section: type[Section], given: object, path: KeyPath, faults: list[Fault]) -> object:
    """Tables with names of the user's own: [account."ann@example.test"]."""
    if not isinstance(given, dict):
        faults.append(Fault(path, f'expected tables, each with its name: [{_dotted(path)}."ann@example.test"]'))
        return None
    built = {name: _built(section, table, (*path, name), faults) for name, table in given.items()}
    return {name: table for name, table in built.items() if table is not None}


def _built(section: type[Section], table: object, path: KeyPath, faults: list[Fault]) -> Section | None:
    before = len(faults)
    values = read(section, table, path, faults)
    return section(**values) if len(faults) == before else None


def _leaf(wanted: object, given: object, path: KeyPath, faults: list[Fault]) -> object:
    try:
        return typing.cast(object, msgspec.convert(given, wanted))
    except (msgspec.ValidationError, OverflowError) as error:
        faults.append(Fault(path, _explain(str(error), wanted, given)))
        return None


def _section_of(wanted: object) -> tuple[type[Section] | None, bool]:
    """The section class in `Section`, `Section | None` or `tuple[Section, ...]`, and whether there are many."""
    candidates = typing.get_args(wanted) or (wanted,)
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate, typing.get_origin(wanted) is tuple
    return None, False


def _explain(message: str, wanted: object, given: object) -> str:
    if typing.get_origin(wanted) is typing.Literal:
        choices = [str(choice) for choice in typing.get_args(wanted)]
        guess = f"; did you mean {_near(str(given), choices)!r}?" if _near(str(given), choices) else ""
        return f"{_shown(given)} is not one of {', '.join(map(repr, choices))}{guess}"
    message = message.partition(", got ")[0].replace(" | null", "")
    for name, words in _WORDS.items():
        message = message.replace(f"`{name}`", words)
    return f"{message[:1].lower()}{message[1:]}, here {_shown(given)}"


_WORDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _unknown(key: str, fields: Mapping[str, object], path: KeyPath) -> str:
    guess = _near(key, fields)
    if guess:
        return f"unknown key; did you mean `{guess}`?"
    home = [name for name, keys in _homes().items() if key in keys and (name,) != path[:1]]
    if home:
        return f"unknown key here; it belongs in {' or '.join(home)}"
    return f"unknown key; known here: {', '.join(fields)}"


def _homes() -> dict[str, tuple[str, ...]]:
    """Every section's keys, to send home a key that strayed."""
    sections = {field.encode_name: _section_of(field.type) for field in msgspec.structs.fields(Config)}
    homes = {
        f"[[{name}]]" if many else f"[{name}]": section.__struct_encode_fields__
        for name, (section, many) in sections.items()
        if section is not None
    }
    return homes | {"the top of the file": Config.__struct_encode_fields__}


def _near(word: str, known: Iterable[str]) -> str | None:
    folded = word.lower().replace("-", "_")
    by_fold = {name.lower().replace("-", "_"): name for name in known}
    match = get_close_matches(folded[:64], by_fold, n=1, cutoff=0.6)
    return by_fold[match[0]] if match else None


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 128:
        return "an enormous number"  # repr() of it may be refused, see sys.set_int_max_str_digits
    return printable(repr(value), 60) if isinstance(value, str | int | float) else _kind(value)


def _kind(value: object) -> str:
    match value:
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
