-- Who is refused without a look at the password. subject: ip:192.0.2.7, ip:2001:db8::/64 or account:ann@example.test.
CREATE TABLE bans (
    subject TEXT PRIMARY KEY,
    reason  TEXT NOT NULL,
    added   REAL NOT NULL,
    until   REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX bans_by_end ON bans (until);

-- Where an account has logged in from. source is a subject too, of an address.
CREATE TABLE known_sources (
    account TEXT NOT NULL,
    source  TEXT NOT NULL,
    seen    REAL NOT NULL,
    PRIMARY KEY (account, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX known_sources_by_age ON known_sources (seen);
