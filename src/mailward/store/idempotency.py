"""Taking a message once under its key: whoever never heard the 250 may say it again, and hears the same id."""

from __future__ import annotations

import hmac
import sqlite3

from mailward.store import events, messages
from mailward.store.acceptance import Acceptance

KEPT_FOR = 86_400  # seconds a key is remembered, and may be used again after
_FORGOTTEN = 100  # old keys that one new key removes, so that none waits long


class KeyedAcceptance:
    """An operation for `Writer.submit`: gives the id under which the message is taken, None if the key is another's.

    owner: who may use the key again. digest: of the envelope and the content, to know the same message by.
    """

    __slots__ = ("_acceptance", "_digest", "_key", "_owner")

    def __init__(self, acceptance: Acceptance, *, owner: str, key: str, digest: bytes) -> None:
        self._acceptance = acceptance
        self._owner = owner
        self._key = key
        self._digest = digest

    def __call__(self, connection: sqlite3.Connection) -> str | None:
        message = self._acceptance.message
        oldest = message.received - KEPT_FOR
        row = connection.execute(
            "SELECT message, digest FROM idempotency WHERE owner = ? AND key = ? AND received > ?",
            (self._owner, self._key, oldest),
        ).fetchone()
        if row is not None:
            return str(row[0]) if hmac.compare_digest(row[1], self._digest) else None
        connection.execute(
            "DELETE FROM idempotency WHERE (owner, key) IN"
            " (SELECT owner, key FROM idempotency WHERE received <= ? ORDER BY received LIMIT ?)",
            (oldest, _FORGOTTEN),
        )
        connection.execute(
            "INSERT OR REPLACE INTO idempotency (owner, key, message, digest, received) VALUES (?, ?, ?, ?, ?)",
            (self._owner, self._key, message.id, self._digest, message.received),
        )
        messages.insert(connection, message)
        events.append(connection, self._acceptance.event)
        return message.id
