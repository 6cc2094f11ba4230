-- The debate on what one run made, as it stood when the run last went on.
CREATE TABLE review (
    repo    TEXT NOT NULL,
    run     INTEGER NOT NULL,
    ticket  INTEGER NOT NULL,
    pull    INTEGER NOT NULL, -- 0 until what was reviewed is published
    head    TEXT NOT NULL,    -- the commit that was looked at last
    line    TEXT NOT NULL,    -- the counts, as on the card
    points  TEXT NOT NULL,    -- JSON: what became of each finding, a line each
    stands  TEXT NOT NULL,    -- the worst real bug that is not repaired; '' for none
    verdict TEXT NOT NULL,    -- JSON, whole
    debate  TEXT NOT NULL,    -- the same to read, in Markdown
    at      INTEGER NOT NULL,
    PRIMARY KEY (repo, run)
) STRICT;
CREATE INDEX review_pull ON review (repo, pull);
CREATE INDEX review_ticket ON review (repo, ticket);
CREATE INDEX review_head ON review (repo, head);

-- What was raised, or came to light later where nobody had raised anything, and what the world said to it.
CREATE TABLE finding (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    repo       TEXT NOT NULL,
    run        INTEGER NOT NULL, -- in which it was raised
    ticket     INTEGER NOT NULL,
    pull       INTEGER NOT NULL, -- 0 until what was reviewed is published
    name       TEXT NOT NULL,    -- F1, F2, … within the debate
    missed     INTEGER NOT NULL,
    file       TEXT NOT NULL,
    line       INTEGER NOT NULL,
    severity   TEXT NOT NULL,
    claim      TEXT NOT NULL,
    refuted    INTEGER NOT NULL,
    ruling     TEXT NOT NULL,
    ruled_by   TEXT NOT NULL,
    reproduced INTEGER NOT NULL,
    enthusiast TEXT NOT NULL,    -- the engines that spoke in its round; '' for who did not
    adversary  TEXT NOT NULL,
    referee    TEXT NOT NULL,
    raised_at  INTEGER NOT NULL,
    outcome    TEXT NOT NULL,    -- '' while nothing has come to light
    because    TEXT NOT NULL,
    booked_at  INTEGER NOT NULL,
    UNIQUE (repo, run, name)
) STRICT;
CREATE INDEX finding_pull ON finding (repo, pull);
CREATE INDEX finding_open ON finding (repo, outcome);

-- What a role has earned by a finding, as far as is known.
CREATE TABLE score (
    finding INTEGER NOT NULL REFERENCES finding (id),
    role    TEXT NOT NULL,
    engine  TEXT NOT NULL,
    mark    TEXT NOT NULL, -- right, wrong, missed, unknown
    points  INTEGER NOT NULL,
    PRIMARY KEY (finding, role)
) STRICT;
