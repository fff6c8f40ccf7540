-- name: schema
-- Layout 1. A change here raises LAYOUT_VERSION. Times are Unix seconds of the store's clock, 0 means never or absent.
CREATE TABLE tokens (last INTEGER NOT NULL);
INSERT INTO tokens VALUES (0);

-- `shift` moves the clock of one queue, for tests only. The claims of one that is `paused` give nothing.
CREATE TABLE queues (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    shift REAL NOT NULL DEFAULT 0,
    paused INTEGER NOT NULL DEFAULT 0
);

-- What waits, is scheduled, queued or running. A new position is greater than every position there is: it is the back of
-- the line. `line` puts suspects (0 to 15) before all others (16 to 31), and higher priorities first within each. A later
-- stage that waits is no more than its id, and `awaits` the job whose end it waits for. The callback of a chord waits
-- whole, and `awaits` nothing but values. What is kept of a cancel of a running job stands in `unwanted`.
CREATE TABLE jobs (
    position INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    task TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0,
    deferrals INTEGER NOT NULL DEFAULT 0,
    incarnation TEXT NOT NULL DEFAULT '',
    token INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 0,
    unwanted BLOB NOT NULL DEFAULT x'',
    unique_key TEXT NOT NULL DEFAULT '',
    awaits TEXT NOT NULL DEFAULT '',
    payload BLOB NOT NULL,
    line INTEGER GENERATED ALWAYS AS ((deliveries = 0) * 16 + 7 - priority) VIRTUAL,
    UNIQUE (queue, id)
);
CREATE INDEX jobs_queued ON jobs (queue, line) WHERE state = 'queued';
CREATE INDEX jobs_scheduled ON jobs (queue, due_at) WHERE state = 'scheduled';
CREATE INDEX jobs_running ON jobs (queue, incarnation, token) WHERE state = 'running';
CREATE INDEX jobs_awaiting ON jobs (queue, awaits) WHERE awaits <> '';
CREATE UNIQUE INDEX jobs_unique ON jobs (queue, unique_key) WHERE unique_key <> '';

-- Kept under the callback's id until the callback has ended. `missing` counts the members without a value. What
-- `delay`, `eta` and `expires_in` say of the callback begins when none is missing any more.
CREATE TABLE chords (
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    size INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    delay REAL NOT NULL,
    eta REAL NOT NULL,
    expires_in REAL NOT NULL,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;

CREATE TABLE chord_values (
    queue INTEGER NOT NULL,
    chord TEXT NOT NULL,
    place INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (queue, chord, place)
);

-- What is left of finished jobs: the state until `expires_at`, the outcome until `outcome_until`. `token` is the claim
-- that settled the job.
CREATE TABLE settled (
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    outcome_until REAL NOT NULL,
    expires_at REAL NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX settled_expiring ON settled (queue, expires_at);

-- The claims that were settled by running their job again, so that a repeated settle is known as such.
CREATE TABLE receipts (
    queue INTEGER NOT NULL,
    token INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (queue, token)
) WITHOUT ROWID;
CREATE INDEX receipts_expiring ON receipts (queue, expires_at);

CREATE TABLE dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    task TEXT NOT NULL,
    priority INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    deliveries INTEGER NOT NULL,
    reason TEXT NOT NULL,
    died_at REAL NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (queue, id)
);
CREATE INDEX dead_by_age ON dead (queue, died_at);

-- `serial` is never used twice. `expires_at` is when the mark stops to hold, for whichever reason.
CREATE TABLE revocations (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    target TEXT NOT NULL,
    until REAL NOT NULL,
    once INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    UNIQUE (queue, target)
);
CREATE INDEX revocations_expiring ON revocations (queue, expires_at) WHERE expires_at > 0;

-- The last slot fired of each schedule, and the job that it was fired with.
CREATE TABLE slots (
    queue INTEGER NOT NULL,
    schedule TEXT NOT NULL,
    slot REAL NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (queue, schedule)
) WITHOUT ROWID;

-- The places of locks and semaphores that are taken.
CREATE TABLE places (
    queue INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (queue, name, owner)
) WITHOUT ROWID;
CREATE INDEX places_expiring ON places (queue, expires_at);

-- The uses of rate limits, in their order, until no window sees them any more.
CREATE TABLE uses (
    number INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    name TEXT NOT NULL,
    used_at REAL NOT NULL,
    expires_at REAL NOT NULL
);
CREATE INDEX uses_by_name ON uses (queue, name);
CREATE INDEX uses_expiring ON uses (queue, expires_at);

CREATE TABLE pairs (
    queue INTEGER NOT NULL,
    key TEXT NOT NULL,
    expires_at REAL NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (queue, key)
);
CREATE INDEX pairs_expiring ON pairs (queue, expires_at) WHERE expires_at > 0;

-- The notes of each job. `last` is the number of its last one.
CREATE TABLE notebooks (
    queue INTEGER NOT NULL,
    job TEXT NOT NULL,
    last INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (queue, job)
) WITHOUT ROWID;
CREATE INDEX notebooks_expiring ON notebooks (queue, expires_at);

CREATE TABLE notes (
    queue INTEGER NOT NULL,
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (queue, job, number)
);

-- `batch` is the number of the last claim, NULL before the first.
CREATE TABLE leases (
    queue INTEGER NOT NULL,
    incarnation TEXT NOT NULL,
    counter INTEGER NOT NULL,
    seconds REAL NOT NULL,
    info BLOB NOT NULL,
    renewed_at REAL NOT NULL,
    batch INTEGER,
    PRIMARY KEY (queue, incarnation)
) WITHOUT ROWID;

-- One for each open driver: where it is rung, and whether it wants to hear of jobs.
CREATE TABLE bells (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    address TEXT NOT NULL UNIQUE,
    hears_jobs INTEGER NOT NULL DEFAULT 0
);

-- Who waits for which job. `told` is set by the settle, and the row goes when its bell's driver has read the result.
CREATE TABLE waiters (
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    bell INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, id, bell)
) WITHOUT ROWID;
CREATE INDEX waiters_told ON waiters (bell) WHERE told;
CREATE INDEX waiters_expiring ON waiters (queue, expires_at);

-- Which bells are rung for the news of which topic. They hear what comes after the number `since`.
CREATE TABLE subscriptions (
    queue INTEGER NOT NULL,
    topic TEXT NOT NULL,
    bell INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (queue, topic, bell)
) WITHOUT ROWID;

-- News on their way from the driver of `bell` to others.
CREATE TABLE news (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    topic TEXT NOT NULL,
    bell INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX news_expiring ON news (queue, expires_at);

-- name: find_queue
INSERT INTO queues (name) VALUES (:name) ON CONFLICT (name) DO UPDATE SET name = name RETURNING number;
