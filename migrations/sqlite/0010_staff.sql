-- Second step of the staff's sign-in, one-time passwords, and what shows that the audit log was cut off.

-- Set with a one-time password: the next sign-in ends in choosing another.
ALTER TABLE account ADD COLUMN must_change_password BOOLEAN NOT NULL DEFAULT FALSE;
-- Secret of the time-based codes (RFC 6238), sealed; it counts once it is confirmed by a first code.
ALTER TABLE account ADD COLUMN totp_sealed TEXT;
ALTER TABLE account ADD COLUMN totp_confirmed_at TEXT;
-- Time step of the last code that was taken: a code is taken once, and none before it.
ALTER TABLE account ADD COLUMN totp_last_step BIGINT;

CREATE TABLE recovery_code (
    -- Keyed hash; the code is shown once and not kept.
    code_hash TEXT PRIMARY KEY NOT NULL,
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    used_at TEXT
);

CREATE INDEX recovery_code_account ON recovery_code (account_id);

-- The end of the audit log, written with every entry: entries cut off at the end leave it behind.
CREATE TABLE audit_tip (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    entries BIGINT NOT NULL,
    hash TEXT NOT NULL
);

INSERT INTO audit_tip (id, entries, hash)
    SELECT 1, COALESCE(MAX(seq), 0), COALESCE((SELECT hash FROM audit_entry ORDER BY seq DESC LIMIT 1), '') FROM audit_entry;

CREATE TRIGGER audit_tip_only_grows BEFORE UPDATE ON audit_tip WHEN NEW.entries <= OLD.entries
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_tip_is_never_removed BEFORE DELETE ON audit_tip BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;

-- From time to time the end of the log under the installation's key, which the database does not hold: whoever can write here can compute
-- every hash of the log anew, but no anchor.
CREATE TABLE audit_anchor (
    entries BIGINT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    mac TEXT NOT NULL
);

CREATE TRIGGER audit_anchor_is_never_changed BEFORE UPDATE ON audit_anchor BEGIN SELECT RAISE(ABORT, 'audit anchors are never changed'); END;
CREATE TRIGGER audit_anchor_is_never_removed BEFORE DELETE ON audit_anchor BEGIN SELECT RAISE(ABORT, 'audit anchors are never removed'); END;

CREATE INDEX audit_entry_at ON audit_entry (at, seq);
CREATE INDEX audit_entry_account ON audit_entry (account_id, seq);
CREATE INDEX audit_entry_subject ON audit_entry (subject_id, seq);
