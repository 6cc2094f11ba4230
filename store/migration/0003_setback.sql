-- What has kept a pull request's head from going on without being its code's fault, counted by cause.
CREATE TABLE setback (
    repo   TEXT NOT NULL,
    pull   INTEGER NOT NULL,
    cause  TEXT NOT NULL,
    head   TEXT NOT NULL,
    count  INTEGER NOT NULL,
    reason TEXT NOT NULL,
    mark   TEXT NOT NULL, -- of what was counted last, which is counted once
    at     INTEGER NOT NULL,
    until  INTEGER NOT NULL, -- nothing is tried again before
    PRIMARY KEY (repo, pull, cause)
) STRICT;
