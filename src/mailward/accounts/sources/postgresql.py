"""Accounts by a query to PostgreSQL, in read-only transactions, over TLS unless it is on a socket of this machine."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.extra import load
from mailward.accounts.sources.row import judge, record
from mailward.accounts.sources.secret_file import read_secret
from mailward.accounts.sources.source import Question, SourceAnswer, SourceSettings, bad_answer, needed, out_of_order
from mailward.accounts.sources.trust import trusting
from mailward.printable import printable

_DATA = "22"  # SQLSTATE: what was asked with, such as a character the database has not; the database itself works


@dataclass(frozen=True, kw_only=True)
class PostgresSettings(SourceSettings):
    """host: a name, or the directory of the server's socket. ca: PEM file of a private CA.

    query: one SELECT with `$1`, the name, and perhaps `$2`, its local part, and `$3`, its domain; its columns are
    `row`'s. insecure_plaintext: no TLS, anyone on the path reads the verifiers.
    """

    name: str = "postgresql"
    host: str
    port: int = 5432
    database: str
    user: str
    query: str
    password_file: str = ""
    ca: str = ""
    insecure_plaintext: bool = False


class Postgres:
    """The name is always a bound parameter and never part of the query's text. The pool opens at the first login."""

    def __init__(self, settings: PostgresSettings, *, hasher: Hasher) -> None:
        self._parameters = 3 if "$3" in settings.query else 2 if "$2" in settings.query else 1
        if "$1" not in settings.query:
            raise needed("postgresql", "query", "the query must have the parameter $1, the name")
        self._asyncpg = load("asyncpg", kind="postgresql", extra="postgres")
        self._settings = settings
        self._hasher = hasher
        secured = not (settings.host.startswith("/") or settings.insecure_plaintext)
        self._tls: ssl.SSLContext | bool = trusting("postgresql", settings.ca) if secured else False
        self._pool: Any = None  # asyncpg has no types
        self._opening = asyncio.Lock()

    async def ask(self, question: Question) -> SourceAnswer:
        found = record(self._settings.name, await self._rows(question))
        return await judge(self._settings.name, self._hasher, question, found)

    def faults(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _rows(self, question: Question) -> list[dict[str, object]]:
        parameters = (question.name, question.local_part, question.domain)[: self._parameters]
        try:
            pool = await self._opened()
            async with pool.acquire() as connection, connection.transaction(readonly=True):
                cursor = await connection.cursor(self._settings.query, *parameters)
                return [dict(row) for row in await cursor.fetch(2)]
        except (self._asyncpg.PostgresError, self._asyncpg.InterfaceError, self._asyncpg.InternalClientError) as error:
            problem, of_the_name = str(error), str(getattr(error, "sqlstate", "")).startswith(_DATA)
        except (OSError, TimeoutError) as error:
            problem, of_the_name = str(error) or "no answer in time", False
        if of_the_name:
            raise bad_answer(self._settings.name, printable(problem, 200))
        raise out_of_order(self._settings.name, problem)

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._asyncpg.create_pool(
                    host=self._settings.host,
                    port=self._settings.port,
                    database=self._settings.database,
                    user=self._settings.user,
                    password=self._password,
                    ssl=self._tls,
                    min_size=0,
                    max_size=self._settings.connections,
                    timeout=self._settings.timeout,
                    command_timeout=self._settings.timeout,
                    statement_cache_size=0,  # a pooler between us would mix up prepared statements
                    server_settings={
                        "application_name": "mailward",
                        "statement_timeout": str(round(1000 * self._settings.timeout)),
                    },
                )
            return self._pool

    def _password(self) -> str:
        path = self._settings.password_file
        return read_secret(self._settings.name, path).reveal() if path else ""
