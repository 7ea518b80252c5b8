-- What was accepted. A row never changes; it goes when the message is delivered or deleted.
CREATE TABLE messages (
    seq           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,  -- ULID: text order is the order of arrival
    received      REAL    NOT NULL,         -- Unix seconds
    size          INTEGER NOT NULL,         -- octets of content
    envelope_from TEXT    NOT NULL,         -- '' is the null reverse-path
    envelope_to   TEXT    NOT NULL,         -- JSON array: read and written only as a whole, never searched
    account       TEXT,
    source        TEXT,
    session       TEXT,
    subject       TEXT    NOT NULL,
    smtputf8      INTEGER NOT NULL,
    eightbit      INTEGER NOT NULL,
    spool         TEXT,                     -- the spool file that holds the content, or
    content       BLOB,                     -- the content itself; last, so that a listing need not read past it
    CHECK ((spool IS NULL) <> (content IS NULL))
) STRICT;

-- What is still to be done for it. Apart from the content, so that a deferral rewrites some dozen octets.
-- A message without a row here is kept (sandbox); one whose next_attempt is NULL has bounced.
CREATE TABLE deliveries (
    message      INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    next_attempt REAL,                      -- Unix seconds
    last_attempt REAL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_reply   TEXT    NOT NULL DEFAULT '',
    recipients   TEXT                       -- JSON array of [state, reply] in the order of envelope_to; NULL before any attempt
) STRICT;

CREATE INDEX deliveries_by_next_attempt ON deliveries (next_attempt) WHERE next_attempt IS NOT NULL;
