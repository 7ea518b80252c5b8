"""What clients that deliver by themselves keep of domains: MTA-STS policies, and the counts for TLS reports."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, cast

from mailward.records.mta_sts import Mode, StsPolicy
from mailward.records.tls_rpt import AppliedPolicy, Counted, Failure, PolicyKind
from mailward.store.client_file import ClientFile

MARK: Final = 0x4D574352  # "MWCR", the mark of these files in SQLite's header
MOST: Final = 50_000  # domains with a policy, and different counts of one day
KEPT_DAYS: Final = 30  # of counts; a report is due after one

_SCHEMA: Final = (
    """CREATE TABLE sts (domain TEXT PRIMARY KEY, id TEXT NOT NULL, mode TEXT, mx TEXT NOT NULL,
    max_age INTEGER NOT NULL, fetched REAL NOT NULL, failed REAL NOT NULL, failure TEXT) STRICT""",
    """CREATE TABLE tls_counts (day TEXT NOT NULL, domain TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    mx TEXT NOT NULL, failure TEXT NOT NULL, host TEXT NOT NULL, receiving_ip TEXT NOT NULL, sending_ip TEXT NOT NULL,
    reason TEXT NOT NULL, sessions INTEGER NOT NULL,
    PRIMARY KEY (day, domain, kind, text, mx, failure, host, receiving_ip, sending_ip, reason)) STRICT""",
)


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """What was last fetched of a domain, None if nothing ever was, and when and why fetching last failed.

    `id`: of the TXT record that it was fetched for. Times in Unix seconds, 0 for never.
    """

    id: str = ""
    policy: StsPolicy | None = None
    fetched: float = 0.0
    failed: float = 0.0
    failure: Failure | None = None

    def holds(self, now: float) -> bool:
        """Whether the policy may still be used; a clock set back makes none older."""
        return self.policy is not None and self.fetched <= now + 86_400 and now < self.fetched + self.policy.max_age


class ClientRoutes:
    """`path`: the file; None keeps it in memory. One object serves any threads and processes that fork."""

    def __init__(self, path: Path | None) -> None:
        self._file = ClientFile(path, mark=MARK, version=1, schema=_SCHEMA)

    def policy(self, domain: str) -> KeptPolicy:
        """Raises StoreError."""

        def read(connection: sqlite3.Connection) -> KeptPolicy:
            query = "SELECT id, mode, mx, max_age, fetched, failed, failure FROM sts WHERE domain = ?"
            row = connection.execute(query, (domain,)).fetchone()
            if row is None:
                return KeptPolicy()
            id_, mode, mx, max_age, fetched, failed, failure = row
            policy = StsPolicy(cast("Mode", mode), tuple(mx.split()), max_age) if mode else None
            return KeptPolicy(id_, policy, fetched, failed, Failure(failure) if failure else None)

        return self._file.read(read) or KeptPolicy()

    def keep_policy(self, domain: str, kept: KeptPolicy) -> None:
        """In place of what was known. Raises StoreError."""

        def write(connection: sqlite3.Connection) -> None:
            policy = kept.policy or StsPolicy("none", (), 0)
            connection.execute(
                "INSERT OR REPLACE INTO sts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    domain,
                    kept.id,
                    policy.mode if kept.policy else None,
                    " ".join(policy.mx),
                    policy.max_age,
                    kept.fetched,
                    kept.failed,
                    kept.failure,
                ),
            )
            surplus = "SELECT domain FROM sts ORDER BY max(fetched, failed) DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM sts WHERE domain IN ({surplus})", (MOST,))  # noqa: S608

        self._file.write(write)

    def count(self, day: date, counted: Counted) -> None:
        """Adds to the counts of a day. Raises StoreError."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM tls_counts WHERE day < ?", ((day - timedelta(KEPT_DAYS)).isoformat(),))
            (lines,) = connection.execute(
                "SELECT count(*) FROM tls_counts WHERE day = ?", (day.isoformat(),)
            ).fetchone()
            if lines < MOST:
                connection.execute(
                    "INSERT INTO tls_counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions",
                    (day.isoformat(), *_row(counted)),
                )

        self._file.write(write)

    def counts(self, day: date) -> tuple[Counted, ...]:
        """Of one day, by domain. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> tuple[Counted, ...]:
            query = (
                "SELECT domain, kind, text, mx, failure, host, receiving_ip, sending_ip, reason, sessions"
                " FROM tls_counts WHERE day = ? ORDER BY domain, kind, text, failure, host"
            )
            return tuple(_counted(row) for row in connection.execute(query, (day.isoformat(),)))

        return self._file.read(read) or ()


def _row(counted: Counted) -> tuple[object, ...]:
    policy = counted.policy
    return (
        policy.domain,
        policy.kind,
        json.dumps(policy.text),
        json.dumps(policy.mx),
        counted.failure or "",
        counted.host,
        counted.receiving_ip,
        counted.sending_ip,
        counted.reason,
        counted.sessions,
    )


def _counted(row: tuple[str, str, str, str, str, str, str, str, str, int]) -> Counted:
    domain, kind, text, mx, failure, host, receiving_ip, sending_ip, reason, sessions = row
    policy = AppliedPolicy(PolicyKind(kind), domain, tuple(json.loads(text)), tuple(json.loads(mx)))
    return Counted(policy, sessions, Failure(failure) if failure else None, host, receiving_ip, sending_ip, reason)
