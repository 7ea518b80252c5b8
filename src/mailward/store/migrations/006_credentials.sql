-- What proves an account: its passwords and its app passwords, each with an id of its own that is never given twice.
-- state: current; former (the older of two that overlap, still taken); old (taken no more, to recognise); app.
-- verifier: what the hasher reads; of an app password the SHA-256 in hex. The SCRAM salt and the iterations are the
-- account's, the same for all of these and for its life; the keys are NULL where only a foreign verifier is known.
CREATE TABLE credentials (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    state      TEXT NOT NULL CHECK (state IN ('current', 'former', 'old', 'app')),
    verifier   TEXT NOT NULL,
    stored_key BLOB,
    server_key BLOB,
    created    REAL NOT NULL,
    last_used  REAL,
    ends       REAL,                        -- Unix seconds: taken no more from then on
    since      REAL,                        -- former: when the newer one came
    warned     REAL,                        -- current: the last stage of its expiry that was told
    selector   TEXT UNIQUE,                 -- these four of app passwords only
    label      TEXT,
    scopes     TEXT,                        -- JSON array
    allow_from TEXT,                        -- JSON array of networks
    CHECK ((stored_key IS NULL) = (server_key IS NULL)),
    CHECK ((selector IS NULL) = (state <> 'app'))
) STRICT;

CREATE INDEX credentials_by_account ON credentials (account);
CREATE UNIQUE INDEX one_current_password ON credentials (account) WHERE state = 'current';
CREATE UNIQUE INDEX one_former_password ON credentials (account) WHERE state = 'former';

INSERT INTO credentials (account, state, verifier, stored_key, server_key, created)
SELECT name, 'current', verifier, scram_stored_key, scram_server_key, changed FROM accounts ORDER BY name;

ALTER TABLE accounts DROP COLUMN verifier;
ALTER TABLE accounts DROP COLUMN scram_stored_key;
ALTER TABLE accounts DROP COLUMN scram_server_key;
ALTER TABLE accounts ADD COLUMN allow_from TEXT NOT NULL DEFAULT '[]';
ALTER TABLE accounts ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN totp_secret BLOB;
-- The last time step whose code was taken: no code works twice.
ALTER TABLE accounts ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
