-- What happened, in the one JSON form of mailward.events. The columns are copies to search by.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,            -- grows for ever: pruning leaves the newest row
    time    REAL NOT NULL,                  -- Unix seconds
    type    TEXT NOT NULL,
    source  TEXT,
    account TEXT,
    line    TEXT NOT NULL
) STRICT;

-- Of logins and bans only: they are what is searched, and an entry in three indexes would be most of the cost of a message.
CREATE INDEX events_by_type    ON events (type)    WHERE type < 'message';
CREATE INDEX events_by_source  ON events (source)  WHERE type < 'message';
CREATE INDEX events_by_account ON events (account) WHERE type < 'message';
