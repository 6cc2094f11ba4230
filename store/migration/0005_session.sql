-- What each session has used, kept while it works: runs may have several, of more than one coding CLI.
CREATE TABLE session (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repo          TEXT NOT NULL,
    run           INTEGER NOT NULL,
    role          TEXT NOT NULL,
    ticket        INTEGER NOT NULL,
    engine        TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    turns         INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd      REAL NOT NULL
) STRICT;
CREATE INDEX session_run ON session (run);
CREATE INDEX session_started ON session (repo, started_at);
CREATE INDEX session_ticket ON session (repo, ticket);

INSERT INTO session (repo, run, role, ticket, engine, outcome, reason, started_at, ended_at, turns, input_tokens, cached_tokens, output_tokens, cost_usd)
SELECT repo, id, role, ticket, engine, outcome, reason, started_at, ended_at, turns, input_tokens, cached_tokens, output_tokens, cost_usd FROM run;

-- What the session of a run is at right now, in words.
ALTER TABLE run ADD COLUMN doing TEXT NOT NULL DEFAULT '';

-- Coding CLIs that are not asked for a while, since their provider refuses them.
CREATE TABLE rest (
    repo    TEXT NOT NULL,
    engine  TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason  TEXT NOT NULL,
    since   INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (repo, engine)
) STRICT;
