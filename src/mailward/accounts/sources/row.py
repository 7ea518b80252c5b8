"""What a query says about an account: the columns `password`, and perhaps `account`, `senders`, `allow_from`,
`disabled`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.source import UNKNOWN, Question, SourceAnswer, answer, bad_answer, truth, words
from mailward.accounts.sources.verifier import matches

_COLUMNS = frozenset({"password", "account", "senders", "allow_from", "disabled"})


def record(source: str, rows: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """The one row; None for no row. AuthUnavailable: two, or columns that mean nothing here."""
    if not rows:
        return None
    if len(rows) > 1:
        raise bad_answer(source, "more than one row for one name")
    if "password" not in rows[0] or set(rows[0]) - _COLUMNS:
        raise bad_answer(source, f"its columns must be password and of {', '.join(sorted(_COLUMNS - {'password'}))}")
    return rows[0]


async def judge(source: str, hasher: Hasher, question: Question, found: Mapping[str, object] | None) -> SourceAnswer:
    """Whether the password is right by the row's verifier; a name without a row costs the same."""
    if found is None:
        await matches(source, hasher, None, question.password)
        return UNKNOWN
    verifier = _text(source, found, "password")
    return answer(
        source,
        _text(source, found, "account") or question.name,
        right=await matches(source, hasher, verifier or None, question.password),
        senders=_list(source, found, "senders"),
        allow_from=_list(source, found, "allow_from"),
        disabled=truth(source, _text(source, found, "disabled")),
    )


def _text(source: str, found: Mapping[str, object], column: str) -> str:
    value = found.get(column)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int):  # a boolean is one too
        return str(int(value))
    raise bad_answer(source, f"the column {column} is of a type that means nothing here")


def _list(source: str, found: Mapping[str, object], column: str) -> list[str]:
    """A text with commas or spaces, or an array."""
    value = found.get(column)
    if isinstance(value, list):
        return [str(entry) for entry in value]
    return words(_text(source, found, column))
