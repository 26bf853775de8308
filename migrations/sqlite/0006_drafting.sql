-- What is done to a draft before it is opened to the public, and once it has become law.

-- Corrections so far: a correction names the one it was made on, so that two people cannot overwrite each other.
ALTER TABLE draft_version ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
-- The same for the explanation, which is written beside the text.
ALTER TABLE draft_version ADD COLUMN explanation_revision BIGINT NOT NULL DEFAULT 0;

-- The line of a diagnostic is the place in the version's own lines, which a correction moves; versions that were read in before told the line of their
-- file, which is kept in words.
UPDATE draft_diagnostic SET detail = detail || '（原文件第' || CAST(line AS TEXT) || '行）', line = 0;

-- The text of a version may be corrected until it is published, and never after.
DROP TRIGGER draft_provision_is_never_changed;
DROP TRIGGER draft_provision_is_never_removed;
CREATE TRIGGER draft_provision_is_published_insert BEFORE INSERT ON draft_provision
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = NEW.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_provision_is_published_update BEFORE UPDATE ON draft_provision
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_provision_is_published_delete BEFORE DELETE ON draft_provision
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_diagnostic_is_published_insert BEFORE INSERT ON draft_diagnostic
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = NEW.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_diagnostic_is_published_update BEFORE UPDATE ON draft_diagnostic
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_diagnostic_is_published_delete BEFORE DELETE ON draft_diagnostic
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;

-- 改正: what was changed in a version before it was published. Lines are kept as they were and as they became, so that each can be taken back.
CREATE TABLE draft_correction (
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    -- The revision that it made, from 1.
    revision BIGINT NOT NULL,
    act TEXT NOT NULL,
    -- First line concerned, from 1.
    place BIGINT NOT NULL,
    removed TEXT NOT NULL,
    inserted TEXT NOT NULL,
    -- The revision that it takes back.
    undoes BIGINT,
    corrected_by BLOB REFERENCES account (id),
    corrected_at TEXT NOT NULL,
    PRIMARY KEY (version_id, revision)
) WITHOUT ROWID;

-- 附件 of a version: published with it, and like it never changed afterwards.
CREATE TABLE draft_attachment (
    id BLOB PRIMARY KEY NOT NULL,
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_hash TEXT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    UNIQUE (version_id, blob_hash)
);

-- 上位法依据 of a version, as a whole (empty address) or of one of its provisions.
CREATE TABLE legal_basis (
    id BLOB PRIMARY KEY NOT NULL,
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    address TEXT NOT NULL,
    work_id BLOB NOT NULL REFERENCES corpus_work (id),
    -- The version that was in force when the basis was named.
    work_version_id BLOB NOT NULL REFERENCES corpus_version (id),
    -- Empty: the document as a whole.
    basis_address TEXT NOT NULL,
    -- As cited, e.g. 第八十二条第一款; empty for the document as a whole.
    label TEXT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    UNIQUE (version_id, address, work_id, basis_address)
);

-- 公布: the document that a draft became. A correction is another row; the newest counts.
CREATE TABLE promulgation (
    draft_id BLOB NOT NULL REFERENCES draft (id),
    revision BIGINT NOT NULL,
    work_id BLOB NOT NULL REFERENCES corpus_work (id),
    organ TEXT NOT NULL,
    document_number TEXT NOT NULL,
    title TEXT NOT NULL,
    adopted_on TEXT NOT NULL,
    promulgated_on TEXT NOT NULL,
    effective_on TEXT NOT NULL,
    signatory TEXT NOT NULL,
    -- Why a rule takes effect earlier than usual; empty when it does not.
    early_reason TEXT NOT NULL,
    linked_by BLOB REFERENCES account (id),
    linked_at TEXT NOT NULL,
    PRIMARY KEY (draft_id, revision)
) WITHOUT ROWID;

CREATE INDEX promulgation_of_work ON promulgation (work_id);

CREATE TRIGGER draft_attachment_is_published_insert BEFORE INSERT ON draft_attachment
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = NEW.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_attachment_is_published_update BEFORE UPDATE ON draft_attachment
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_attachment_is_published_delete BEFORE DELETE ON draft_attachment
    WHEN EXISTS (SELECT 1 FROM draft_version v WHERE v.id = OLD.version_id AND v.published_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'what is published with a version is never changed'); END;
CREATE TRIGGER draft_correction_is_never_changed BEFORE UPDATE ON draft_correction BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER draft_correction_is_never_removed BEFORE DELETE ON draft_correction BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER promulgation_is_never_changed BEFORE UPDATE ON promulgation BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER promulgation_is_never_removed BEFORE DELETE ON promulgation BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
