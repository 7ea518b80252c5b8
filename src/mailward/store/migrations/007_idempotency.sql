-- Under which key which message was taken, so that the same message said again is not taken again.
-- owner: the account, or the source of a session without login. digest: SHA-256 of envelope and content as they came.
CREATE TABLE idempotency (
    owner    TEXT NOT NULL,
    key      TEXT NOT NULL,
    message  TEXT NOT NULL,                 -- the id it was queued as; the message itself may be gone by now
    digest   BLOB NOT NULL,
    received REAL NOT NULL,                 -- Unix seconds
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_received ON idempotency (received);
