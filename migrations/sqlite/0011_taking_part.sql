-- What an author may do after an opinion was posted, what comes with it, and what others think of it.

-- The words that a later revision replaced. The present words stand in the opinion itself, so posting writes one row.
CREATE TABLE opinion_revision (
    opinion_id BLOB NOT NULL REFERENCES opinion (id),
    -- From 1.
    revision BIGINT NOT NULL,
    address TEXT,
    provision_label TEXT NOT NULL,
    stance TEXT NOT NULL,
    quote_start BIGINT,
    quote_text TEXT NOT NULL,
    proposed_text TEXT NOT NULL,
    body TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_public BOOLEAN NOT NULL,
    display TEXT NOT NULL,
    written_at TEXT NOT NULL,
    replaced_at TEXT NOT NULL,
    PRIMARY KEY (opinion_id, revision)
) WITHOUT ROWID;

CREATE TRIGGER opinion_revision_is_never_changed BEFORE UPDATE ON opinion_revision
    BEGIN SELECT RAISE(ABORT, 'what an author once said is never changed'); END;
CREATE TRIGGER opinion_revision_is_never_removed BEFORE DELETE ON opinion_revision
    BEGIN SELECT RAISE(ABORT, 'what an author once said is never changed'); END;

-- A file that came with an opinion. Uploaded first, bound to its opinion when that is posted; what is never bound is removed again.
CREATE TABLE opinion_attachment (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    -- Who uploaded it; NULL for people without an account, whose knowledge of the id is their claim to it.
    account_id BLOB REFERENCES account (id),
    -- NULL until the opinion is posted.
    opinion_id BLOB REFERENCES opinion (id),
    -- Order within the opinion, from 0.
    place BIGINT NOT NULL,
    -- The revision with which it came, and the one that no longer has it.
    added_revision BIGINT,
    removed_revision BIGINT,
    name TEXT NOT NULL,
    -- By content, never by name.
    kind TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_hash TEXT NOT NULL,
    uploaded_at TEXT NOT NULL
);

CREATE INDEX opinion_attachment_of_opinion ON opinion_attachment (opinion_id, place, id) WHERE opinion_id IS NOT NULL;
CREATE INDEX opinion_attachment_unbound ON opinion_attachment (uploaded_at) WHERE opinion_id IS NULL;
CREATE INDEX opinion_attachment_blob ON opinion_attachment (blob_hash);
-- The same file twice, before it is posted, is one upload.
CREATE UNIQUE INDEX opinion_attachment_once ON opinion_attachment (account_id, draft_id, blob_hash, name) WHERE opinion_id IS NULL;

-- Idempotency keys of the acts other than posting, with what came of them. Kept for some weeks.
CREATE TABLE opinion_act (
    -- The account; 'anonymous' for people without one.
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    act TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    -- The opinion or the attachment.
    subject_id BLOB NOT NULL,
    -- The revision that resulted; NULL where there are none.
    revision BIGINT,
    done_at TEXT NOT NULL,
    PRIMARY KEY (actor, idempotency_key)
) WITHOUT ROWID;

CREATE INDEX opinion_act_age ON opinion_act (done_at);

-- 赞同 or 不赞同 another's opinion: one for each person, changeable until the round ends.
CREATE TABLE opinion_vote (
    opinion_id BLOB NOT NULL REFERENCES opinion (id),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    choice TEXT NOT NULL,
    voted_at TEXT NOT NULL,
    PRIMARY KEY (opinion_id, account_id)
) WITHOUT ROWID;

CREATE INDEX opinion_vote_account ON opinion_vote (account_id);

-- Counts by provision read this index alone.
CREATE INDEX opinion_of_provision ON opinion (draft_id, address, state, display, is_public, consultation_id);
