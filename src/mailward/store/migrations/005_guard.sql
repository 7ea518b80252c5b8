-- times: how many bans this makes of the subject. placed_by: guard, or operator. lifted: taken back before its end; the
-- row stays until the guard has seen it and forgotten what it held against the subject.
ALTER TABLE bans ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE bans ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE bans ADD COLUMN placed_by TEXT NOT NULL DEFAULT 'guard';
ALTER TABLE bans ADD COLUMN lifted INTEGER NOT NULL DEFAULT 0;

-- How many accounts log in from one source.
CREATE INDEX known_sources_by_source ON known_sources (source, seen);

-- Where anybody has ever logged in from: such a source is not handed to a firewall.
CREATE TABLE proven_sources (
    source TEXT PRIMARY KEY,
    first  REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO proven_sources SELECT source, min(seen) FROM known_sources GROUP BY source;
