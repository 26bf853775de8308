-- Accounts, their sessions, the audit log, and what is told to whom.

CREATE TABLE account (
    id BLOB PRIMARY KEY NOT NULL,
    role TEXT NOT NULL,
    display_name TEXT NOT NULL,
    -- Staff only: the name typed at the door, lower case.
    login_name TEXT UNIQUE,
    -- Staff only: argon2id with its own salt.
    password_hash TEXT,
    -- Citizens only: keyed hash of the WeChat openid; the openid itself is not kept.
    openid_hash TEXT UNIQUE,
    -- Staff of a contact point: the point whose matters they see. The table comes with a later migration, so no reference is declared.
    contact_point_id BLOB,
    is_active BOOLEAN NOT NULL,
    is_demonstration BOOLEAN NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE session (
    -- SM3 of the token; whoever reads this table cannot sign in with it.
    token_hash TEXT PRIMARY KEY NOT NULL,
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);

-- Each entry holds the hash of the one before it, so that a change or a gap shows.
CREATE TABLE audit_entry (
    -- From 1 without gaps; given by the writer, because a sequence leaves gaps after a rollback.
    seq BIGINT PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,
    account_id BLOB,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id BLOB,
    is_success BOOLEAN NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_entry_is_never_removed BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END;

-- Written in the transaction of the event; a worker moves it on.
CREATE TABLE outbox (
    id BLOB PRIMARY KEY NOT NULL,
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    -- What the message is about, as a person reads it; no personal data.
    about TEXT NOT NULL,
    created_at TEXT NOT NULL,
    delivered_at TEXT
);

CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE delivered_at IS NULL;

CREATE TABLE inbox (
    -- The outbox row it came from: one row gives one message, however often the worker runs.
    id BLOB PRIMARY KEY NOT NULL,
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    about TEXT NOT NULL,
    created_at TEXT NOT NULL,
    read_at TEXT
);

CREATE INDEX inbox_account ON inbox (account_id, created_at DESC, id DESC);
