-- Who may log in. name: the canonical key (mailward.accounts.account). verifier: argon2id, PHC string.
-- senders: a JSON array of further envelope senders; the account's own address is always one.
CREATE TABLE accounts (
    name             TEXT PRIMARY KEY,
    verifier         TEXT NOT NULL,
    scram_salt       BLOB NOT NULL,
    scram_iterations INTEGER NOT NULL,
    scram_stored_key BLOB NOT NULL,
    scram_server_key BLOB NOT NULL,
    senders          TEXT NOT NULL DEFAULT '[]',
    created          REAL NOT NULL,
    changed          REAL NOT NULL
) STRICT, WITHOUT ROWID;
