-- 条文沿革: how the provisions of one version of a draft continue in a later one, and what staff corrected in it.

-- One row for each pair of versions that was related. Every version is related to the newest public one before it, or to the one before it.
CREATE TABLE lineage (
    from_version_id UUID NOT NULL REFERENCES draft_version (id),
    to_version_id UUID NOT NULL REFERENCES draft_version (id),
    draft_id UUID NOT NULL REFERENCES draft (id),
    related_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (from_version_id, to_version_id)
);

CREATE INDEX lineage_of_draft ON lineage (draft_id);

-- Computed from two texts and the corrections that stand: written anew whenever those change, so nothing but these rows refers to them.
-- A split or a merger has a row for each of its several provisions; rows of one relation share their ordinal.
CREATE TABLE lineage_relation (
    from_version_id UUID NOT NULL,
    to_version_id UUID NOT NULL,
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
);

-- What a person said of a relation. It says something about two texts and changes neither, so it is possible after publication too; its history
-- is kept: a correction is only ever withdrawn or followed by a later one.
CREATE TABLE lineage_correction (
    id UUID PRIMARY KEY,
    draft_id UUID NOT NULL REFERENCES draft (id),
    from_version_id UUID NOT NULL REFERENCES draft_version (id),
    to_version_id UUID NOT NULL REFERENCES draft_version (id),
    kind TEXT NOT NULL,
    -- Addresses in the older and in the newer version.
    from_addresses JSONB NOT NULL,
    to_addresses JSONB NOT NULL,
    reason TEXT NOT NULL,
    corrected_by UUID REFERENCES account (id),
    corrected_at TIMESTAMPTZ NOT NULL,
    withdrawn_by UUID REFERENCES account (id),
    withdrawn_at TIMESTAMPTZ
);

CREATE INDEX lineage_correction_of_pair ON lineage_correction (from_version_id, to_version_id, corrected_at, id);

CREATE TRIGGER lineage_correction_is_never_removed BEFORE DELETE ON lineage_correction FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lineage_correction_is_only_withdrawn BEFORE UPDATE ON lineage_correction FOR EACH ROW
    WHEN (OLD.withdrawn_at IS NOT NULL OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.from_addresses IS DISTINCT FROM OLD.from_addresses
        OR NEW.to_addresses IS DISTINCT FROM OLD.to_addresses OR NEW.reason IS DISTINCT FROM OLD.reason
        OR NEW.corrected_by IS DISTINCT FROM OLD.corrected_by OR NEW.corrected_at IS DISTINCT FROM OLD.corrected_at)
    EXECUTE FUNCTION refuse_change();
