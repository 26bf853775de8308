-- The corpus: one row per work, one per version of a work, one per provision of a version.

CREATE TABLE corpus_work (
    id BLOB PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    -- The title as it is compared: normalised, without 中华人民共和国 and without brackets. Two files with the same key are two versions.
    title_key TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    level TEXT NOT NULL,
    region TEXT NOT NULL,
    organ TEXT NOT NULL,
    is_demonstration BOOLEAN NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE corpus_version (
    id BLOB PRIMARY KEY NOT NULL,
    work_id BLOB NOT NULL REFERENCES corpus_work (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    title_note TEXT NOT NULL,
    organ TEXT NOT NULL,
    document_number TEXT NOT NULL,
    -- The day that tells versions of one work apart: adopted, else promulgated, else effective; 0001-01-01 when no day is known,
    -- because NULLs would not collide in the unique constraint below.
    dated_on TEXT NOT NULL,
    adopted_on TEXT,
    promulgated_on TEXT,
    effective_on TEXT,
    repealed_on TEXT,
    -- What the source says, canonical; the validity on a given day is computed from the dates of all versions.
    validity TEXT NOT NULL,
    -- Scheme and code exactly as the source gave them: a bare "3" means three different things in three schemes.
    source_scheme TEXT NOT NULL,
    source_code TEXT NOT NULL,
    source_name TEXT NOT NULL,
    blob_hash TEXT,
    content_hash TEXT NOT NULL,
    article_count BIGINT NOT NULL,
    character_count BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (work_id, dated_on)
);

CREATE TABLE provision (
    version_id BLOB NOT NULL REFERENCES corpus_version (id) ON DELETE CASCADE,
    -- Place in reading order, from 0.
    ordinal BIGINT NOT NULL,
    parent_ordinal BIGINT,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    label TEXT NOT NULL,
    number_main BIGINT,
    number_sub BIGINT,
    heading TEXT NOT NULL,
    body TEXT NOT NULL,
    line BIGINT NOT NULL,
    source_id TEXT,
    PRIMARY KEY (version_id, ordinal)
) WITHOUT ROWID;

CREATE TABLE structure_diagnostic (
    version_id BLOB NOT NULL REFERENCES corpus_version (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    code TEXT NOT NULL,
    line BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (version_id, ordinal)
) WITHOUT ROWID;

-- Links between works: amends, repeals, supersedes.
CREATE TABLE corpus_relation (
    from_work BLOB NOT NULL REFERENCES corpus_work (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    to_work BLOB NOT NULL REFERENCES corpus_work (id) ON DELETE CASCADE,
    PRIMARY KEY (from_work, kind, to_work)
);

CREATE INDEX corpus_relation_to ON corpus_relation (to_work);

-- Written in the transaction that changes the data; the search index follows it.
CREATE TABLE change_feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE import_job (
    id BLOB PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    name TEXT NOT NULL,
    is_dry_run BOOLEAN NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT,
    -- Outcome per file.
    report TEXT NOT NULL,
    failure TEXT NOT NULL,
    created_by BLOB,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Small facts about the installation itself: what was seeded, the demonstration's key.
CREATE TABLE setting (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
