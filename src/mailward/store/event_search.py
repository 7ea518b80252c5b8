"""The newest events of an address, an account or a session, the oldest of them first; reads backwards and little."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from mailward.store.query import rows

_OF = {
    column: f"SELECT id, line FROM events WHERE type < 'message' AND {column} = ? ORDER BY id DESC LIMIT ?"  # noqa: S608
    for column in ("source", "account")
}
_BANS = "SELECT id, line FROM events WHERE type < 'message' AND type = ? ORDER BY id DESC LIMIT ?"
_PAGE = 5000


def newest(
    reader: sqlite3.Connection,
    *,
    source: str | None = None,
    account: str | None = None,
    subjects: Sequence[str] = (),
    limit: int,
) -> list[bytes]:
    """Of the logins and bans of `source` and `account`, and of the last bans those of `subjects`; at most `limit`.

    Bans that an operator adds and lifts name no source, so they are looked for among the last thousand.
    """
    found: dict[int, str] = {}
    if source is not None and account is not None:
        found.update(_both(reader, source, account, limit))
    elif source is not None or account is not None:
        column, value = ("source", source) if source is not None else ("account", account)
        found.update(rows(reader, _OF[column], (value, limit)))
    if subjects:
        for kind in ("ban.added", "ban.removed"):
            bans = rows(reader, _BANS, (kind, 1000))
            found.update({id_: line for id_, line in bans if json.loads(line).get("subject") in subjects})
    return [found[id_].encode() for id_ in sorted(found)[-limit:]]


def of_session(reader: sqlite3.Connection, session: str, *, within: int) -> tuple[list[bytes], bool]:
    """What is told of a session in the last `within` events, and whether there are older ones, not looked at.

    A session has no index: each of those events is looked at.
    """
    text = f'"session":{json.dumps(session, ensure_ascii=False)}'
    found: list[bytes] = []
    before, looked = 1 << 62, 0
    while looked < within:
        page = rows(
            reader,
            "SELECT id, CASE WHEN instr(line, ?) THEN line END FROM events WHERE id < ? ORDER BY id DESC LIMIT ?",
            (text, before, min(_PAGE, within - looked)),
        )
        if not page:
            return found[::-1], False
        before, looked = page[-1][0], looked + len(page)
        found += [line.encode() for _, line in page if line is not None]
    older = rows(reader, "SELECT 1 FROM events WHERE id < ? LIMIT 1", (before,))
    return found[::-1], bool(older)


def _both(reader: sqlite3.Connection, source: str, account: str, limit: int) -> Sequence[tuple[int, str]]:
    query = "SELECT id, line FROM events WHERE type < 'message' AND account = ? AND source = ? ORDER BY id DESC LIMIT ?"
    return [(id_, line) for id_, line in rows(reader, query, (account, source, limit))]
