-- Drafts, their versions and consultation rounds; opinions and the answers to them.

CREATE TABLE draft (
    id BLOB PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    drafting_unit TEXT NOT NULL,
    -- As last moved by a person. The end of a consultation is no move: it is read from the clock.
    state TEXT NOT NULL,
    -- Number of the newest consultation round; 0 before the first.
    round BIGINT NOT NULL,
    -- Stable key of a demonstration draft.
    seed_key TEXT UNIQUE,
    is_demonstration BOOLEAN NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX draft_order ON draft (created_at DESC, id DESC);

CREATE TABLE draft_version (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    -- 草案说明, published with the text.
    explanation TEXT NOT NULL,
    source_name TEXT NOT NULL,
    blob_hash TEXT NOT NULL,
    article_count BIGINT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    published_at TEXT,
    UNIQUE (draft_id, number)
);

CREATE TABLE draft_provision (
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    ordinal BIGINT NOT NULL,
    parent_ordinal BIGINT,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    label TEXT NOT NULL,
    number_main BIGINT,
    number_sub BIGINT,
    heading TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (version_id, ordinal),
    UNIQUE (version_id, address)
) WITHOUT ROWID;

CREATE TABLE draft_diagnostic (
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    ordinal BIGINT NOT NULL,
    code TEXT NOT NULL,
    line BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (version_id, ordinal)
) WITHOUT ROWID;

-- A correction is a new version, so the text of a version is written once. Publishing is the only change of a version, and it happens once.
CREATE TRIGGER draft_provision_is_never_changed BEFORE UPDATE ON draft_provision BEGIN SELECT RAISE(ABORT, 'the text of a version is never changed'); END;
CREATE TRIGGER draft_provision_is_never_removed BEFORE DELETE ON draft_provision BEGIN SELECT RAISE(ABORT, 'the text of a version is never changed'); END;
CREATE TRIGGER draft_version_is_never_changed BEFORE UPDATE ON draft_version WHEN OLD.published_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a published version is never changed'); END;
CREATE TRIGGER draft_version_is_never_removed BEFORE DELETE ON draft_version WHEN OLD.published_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a published version is never changed'); END;

CREATE TABLE consultation (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    round BIGINT NOT NULL,
    notice_title TEXT NOT NULL,
    notice TEXT NOT NULL,
    -- Why the round is shorter than the usual period; public; empty when it is not.
    shorter_reason TEXT NOT NULL,
    opens_at TEXT NOT NULL,
    -- The first instant that is too late.
    closes_at TEXT NOT NULL,
    -- What the bureau says of the opinions as a whole, when it answers them.
    feedback_summary TEXT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    UNIQUE (draft_id, round)
);

CREATE TABLE opinion (
    id BLOB PRIMARY KEY NOT NULL,
    receipt_number TEXT NOT NULL UNIQUE,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    consultation_id BLOB NOT NULL REFERENCES consultation (id),
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    -- Who posted it; NULL for opinions that came on paper or by word of mouth.
    account_id BLOB REFERENCES account (id),
    -- A kind of person or unit (市民, 村民代表 …), never a name.
    author_kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    contact_point_id BLOB REFERENCES contact_point (id),
    station_id BLOB REFERENCES collection_station (id),
    -- NULL: on the draft as a whole.
    address TEXT,
    -- The provision as it is cited, e.g. 第十五条第四项.
    provision_label TEXT NOT NULL,
    stance TEXT NOT NULL,
    body TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- What the author wishes.
    is_public BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    idempotency_key TEXT,
    -- Of everything the author sent: tells a repetition from another opinion under the same key.
    content_hash TEXT NOT NULL,
    -- Of the words alone: counts distinct texts.
    text_hash TEXT NOT NULL,
    posted_at TEXT NOT NULL,
    UNIQUE (account_id, idempotency_key)
);

CREATE INDEX opinion_of_draft ON opinion (draft_id, posted_at, id);
CREATE INDEX opinion_of_account ON opinion (account_id, posted_at DESC, id DESC);

CREATE TABLE disposition (
    opinion_id BLOB PRIMARY KEY NOT NULL REFERENCES opinion (id),
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    prepared_by BLOB REFERENCES account (id),
    prepared_at TEXT NOT NULL,
    published_by BLOB REFERENCES account (id),
    published_at TEXT
);

CREATE TRIGGER disposition_is_never_changed BEFORE UPDATE ON disposition WHEN OLD.published_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a published answer is never changed'); END;
CREATE TRIGGER disposition_is_never_removed BEFORE DELETE ON disposition WHEN OLD.published_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a published answer is never changed'); END;
