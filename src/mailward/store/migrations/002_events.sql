-- What happened, in the one JSON form of mailward.events. The columns are copies to search by.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,            -- grows for ever: pruning leaves the newest row
    time    REAL NOT NULL,                  -- Unix seconds
    type    TEXT NOT NULL,
    source  TEXT,
    account TEXT,
    line    TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_time    ON events (time);
CREATE INDEX events_by_type    ON events (type);
CREATE INDEX events_by_source  ON events (source)  WHERE source  IS NOT NULL;
CREATE INDEX events_by_account ON events (account) WHERE account IS NOT NULL;
