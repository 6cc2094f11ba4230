-- Times are unix milliseconds, passed in by the caller; 0 means "not yet". Every row about a repository carries it.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    repo   TEXT NOT NULL,
    kind   TEXT NOT NULL,
    ticket INTEGER NOT NULL,
    pull   INTEGER NOT NULL,
    run    INTEGER NOT NULL,
    data   TEXT NOT NULL
) STRICT;
CREATE INDEX event_pull ON event (repo, pull, id);
CREATE INDEX event_ticket ON event (repo, ticket, id);

CREATE TABLE ticket (
    repo       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    title      TEXT NOT NULL,
    url        TEXT NOT NULL,
    body_hash  TEXT NOT NULL,
    status     TEXT NOT NULL,
    milestone  TEXT NOT NULL,
    position   INTEGER NOT NULL,
    open       INTEGER NOT NULL,
    read_at    INTEGER NOT NULL,
    -- what isolation said when it was last read
    score      REAL NOT NULL DEFAULT 0,
    refused    TEXT NOT NULL DEFAULT '',
    reasons    TEXT NOT NULL DEFAULT '[]',
    files      TEXT NOT NULL DEFAULT '[]',
    -- what the factory decided
    branch     TEXT NOT NULL DEFAULT '',
    parked     TEXT NOT NULL DEFAULT '',
    park_hash  TEXT NOT NULL DEFAULT '',
    parked_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repo, number)
) STRICT;

CREATE TABLE claim (
    repo        TEXT NOT NULL,
    ticket      INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    holder      TEXT NOT NULL,
    role        TEXT NOT NULL,
    files       TEXT NOT NULL,
    acquired_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    released_at INTEGER NOT NULL,
    PRIMARY KEY (repo, ticket)
) STRICT;

CREATE TABLE run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repo          TEXT NOT NULL,
    role          TEXT NOT NULL,
    ticket        INTEGER NOT NULL,
    pull          INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    engine        TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    marker        TEXT NOT NULL UNIQUE,
    step          TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    step_at       INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    limit_ms      INTEGER NOT NULL,
    prompt_bytes  INTEGER NOT NULL,
    turns         INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd      REAL NOT NULL,
    log_path      TEXT NOT NULL
) STRICT;
CREATE INDEX run_open ON run (repo, ended_at);

CREATE TABLE pull (
    repo        TEXT NOT NULL,
    number      INTEGER NOT NULL,
    ticket      INTEGER NOT NULL,
    title       TEXT NOT NULL,
    url         TEXT NOT NULL,
    branch      TEXT NOT NULL,
    head        TEXT NOT NULL,
    base        TEXT NOT NULL,
    base_sha    TEXT NOT NULL,
    patch_id    TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    checks      TEXT NOT NULL,
    additions   INTEGER NOT NULL,
    deletions   INTEGER NOT NULL,
    files       TEXT NOT NULL,
    proof       TEXT NOT NULL,
    receipt     TEXT NOT NULL,
    diff_path   TEXT NOT NULL,
    log_path    TEXT NOT NULL,
    pushed      TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    opened_at   INTEGER NOT NULL,
    head_at     INTEGER NOT NULL,
    read_at     INTEGER NOT NULL,
    merged_at   INTEGER NOT NULL,
    merged_sha  TEXT NOT NULL,
    merged_by   TEXT NOT NULL,
    staging     TEXT NOT NULL,
    staging_run INTEGER NOT NULL,
    staging_at  INTEGER NOT NULL,
    PRIMARY KEY (repo, number)
) STRICT;

CREATE TABLE approval (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    repo     TEXT NOT NULL,
    pull     INTEGER NOT NULL,
    head     TEXT NOT NULL,
    patch_id TEXT NOT NULL,
    base_sha TEXT NOT NULL,
    by_id    INTEGER NOT NULL,
    by_name  TEXT NOT NULL,
    at       INTEGER NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX approval_active ON approval (repo, pull) WHERE state = 'active';

CREATE TABLE effect (
    repo        TEXT NOT NULL,
    key         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    ticket      INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    detail      TEXT NOT NULL,
    state       TEXT NOT NULL,
    result      TEXT NOT NULL,
    intended_at INTEGER NOT NULL,
    done_at     INTEGER NOT NULL,
    PRIMARY KEY (repo, key)
) STRICT;
CREATE INDEX effect_open ON effect (repo, state);

CREATE TABLE request (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    repo        TEXT NOT NULL,
    key         TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    role        TEXT NOT NULL,
    ticket      INTEGER NOT NULL,
    pull        INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    head        TEXT NOT NULL,
    text        TEXT NOT NULL,
    by_id       INTEGER NOT NULL,
    by_name     TEXT NOT NULL,
    chat        INTEGER NOT NULL,
    message     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    answer      TEXT NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX request_open ON request (repo, answered_at, kind);

CREATE TABLE inbox (
    update_id   INTEGER PRIMARY KEY,
    body        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    handled_at  INTEGER NOT NULL,
    error       TEXT NOT NULL
) STRICT;
CREATE INDEX inbox_open ON inbox (handled_at);

CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    key           TEXT NOT NULL UNIQUE,
    repo          TEXT NOT NULL,
    chat          INTEGER NOT NULL,
    thread        INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    topic         TEXT NOT NULL,
    pull          INTEGER NOT NULL,
    text          TEXT NOT NULL,
    buttons       TEXT NOT NULL,
    reply_to      INTEGER NOT NULL,
    reply_row     INTEGER NOT NULL,
    target_row    INTEGER NOT NULL,
    document      TEXT NOT NULL,
    document_name TEXT NOT NULL,
    silent        INTEGER NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    not_before    INTEGER NOT NULL,
    message_id    INTEGER NOT NULL,
    error         TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    sent_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_open ON outbox (state, chat, id);
CREATE INDEX outbox_message ON outbox (chat, message_id);
CREATE INDEX outbox_target ON outbox (target_row) WHERE target_row > 0;

CREATE TABLE card (
    repo TEXT NOT NULL,
    chat INTEGER NOT NULL,
    pull INTEGER NOT NULL,
    row  INTEGER NOT NULL REFERENCES outbox (id),
    PRIMARY KEY (repo, chat, pull)
) STRICT;

CREATE TABLE token (
    nonce      TEXT PRIMARY KEY,
    verb       TEXT NOT NULL,
    row        INTEGER NOT NULL REFERENCES outbox (id),
    pull       INTEGER NOT NULL,
    head       TEXT NOT NULL,
    patch_id   TEXT NOT NULL,
    once       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    used_by    INTEGER NOT NULL
) STRICT;
CREATE INDEX token_row ON token (row);
CREATE INDEX token_pull ON token (pull);

CREATE TABLE person (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    role      TEXT NOT NULL,
    chat      INTEGER NOT NULL,
    paired_at INTEGER NOT NULL
) STRICT;

CREATE TABLE pairing_code (
    code       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    asked_by   INTEGER NOT NULL,
    asked_name TEXT NOT NULL,
    asked_chat INTEGER NOT NULL,
    settled_at INTEGER NOT NULL
) STRICT;

CREATE TABLE pause (
    repo    TEXT NOT NULL,
    scope   TEXT NOT NULL,
    until   INTEGER NOT NULL,
    by_name TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (repo, scope)
) STRICT;

CREATE TABLE rules_version (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    repo    TEXT NOT NULL,
    hash    TEXT NOT NULL,
    content TEXT NOT NULL,
    reason  TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE TABLE schedule (
    repo         TEXT NOT NULL,
    job          TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    error        TEXT NOT NULL,
    PRIMARY KEY (repo, job, scheduled_at)
) STRICT;
