-- 条文沿革: how the provisions of one version of a draft continue in a later one, and what staff corrected in it.

-- One row for each pair of versions that was related. Every version is related to the newest public one before it, or to the one before it.
CREATE TABLE lineage (
    from_version_id BLOB NOT NULL REFERENCES draft_version (id),
    to_version_id BLOB NOT NULL REFERENCES draft_version (id),
    draft_id BLOB NOT NULL REFERENCES draft (id),
    related_at TEXT NOT NULL,
    PRIMARY KEY (from_version_id, to_version_id)
) WITHOUT ROWID;

CREATE INDEX lineage_of_draft ON lineage (draft_id);

-- Computed from two texts and the corrections that stand: written anew whenever those change, so nothing but these rows refers to them.
-- A split or a merger has a row for each of its several provisions; rows of one relation share their ordinal.
CREATE TABLE lineage_relation (
    from_version_id BLOB NOT NULL,
    to_version_id BLOB NOT NULL,
    -- Empty when the provision was added. Not NULL, because NULLs would not collide in the key.
    from_address TEXT NOT NULL,
    -- Empty when the provision was deleted.
    to_address TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- In thousandths; 1000 = the same words.
    similarity BIGINT NOT NULL,
    is_corrected BOOLEAN NOT NULL,
    PRIMARY KEY (from_version_id, to_version_id, from_address, to_address),
    FOREIGN KEY (from_version_id, to_version_id) REFERENCES lineage (from_version_id, to_version_id)
) WITHOUT ROWID;

-- What a person said of a relation. It says something about two texts and changes neither, so it is possible after publication too; its history
-- is kept: a correction is only ever withdrawn or followed by a later one.
CREATE TABLE lineage_correction (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    from_version_id BLOB NOT NULL REFERENCES draft_version (id),
    to_version_id BLOB NOT NULL REFERENCES draft_version (id),
    kind TEXT NOT NULL,
    -- Addresses in the older and in the newer version.
    from_addresses TEXT NOT NULL,
    to_addresses TEXT NOT NULL,
    reason TEXT NOT NULL,
    corrected_by BLOB REFERENCES account (id),
    corrected_at TEXT NOT NULL,
    withdrawn_by BLOB REFERENCES account (id),
    withdrawn_at TEXT
);

CREATE INDEX lineage_correction_of_pair ON lineage_correction (from_version_id, to_version_id, corrected_at, id);

CREATE TRIGGER lineage_correction_is_never_removed BEFORE DELETE ON lineage_correction
    BEGIN SELECT RAISE(ABORT, 'a correction is never removed'); END;
CREATE TRIGGER lineage_correction_is_only_withdrawn BEFORE UPDATE ON lineage_correction
    WHEN OLD.withdrawn_at IS NOT NULL OR NEW.kind IS NOT OLD.kind OR NEW.from_addresses IS NOT OLD.from_addresses
        OR NEW.to_addresses IS NOT OLD.to_addresses OR NEW.reason IS NOT OLD.reason OR NEW.corrected_by IS NOT OLD.corrected_by
        OR NEW.corrected_at IS NOT OLD.corrected_at
    BEGIN SELECT RAISE(ABORT, 'a correction is only ever withdrawn'); END;
