"""Which accounts log in from where, to be shown."""

from __future__ import annotations

import sqlite3

from mailward.store.query import rows


def sources_of(reader: sqlite3.Connection, account: str, *, since: float, limit: int) -> list[tuple[str, float]]:
    """The sources (`ip:…`) that the account has logged in from since then, with the last time; the latest first."""
    query = "SELECT source, seen FROM known_sources WHERE account = ? AND seen >= ? ORDER BY seen DESC LIMIT ?"
    return [(source, seen) for source, seen in rows(reader, query, (account, since, limit))]


def accounts_at(reader: sqlite3.Connection, source: str, *, since: float, limit: int) -> list[tuple[str, float]]:
    """The accounts that log in from this source, with the last time; the latest first."""
    query = "SELECT account, seen FROM known_sources WHERE source = ? AND seen >= ? ORDER BY seen DESC LIMIT ?"
    return [(account, seen) for account, seen in rows(reader, query, (source, since, limit))]


def number(reader: sqlite3.Connection, *, since: float) -> tuple[int, int, int]:
    """How many pairs of an account and a source there are, and of how many accounts and sources."""
    query = "SELECT count(*), count(DISTINCT account), count(DISTINCT source) FROM known_sources WHERE seen >= ?"
    ((pairs, accounts, sources),) = rows(reader, query, (since,))
    return int(pairs), int(accounts), int(sources)
