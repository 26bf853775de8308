-- Opinions from paper: where each came from, and the batches in which they were uploaded.

-- Set when the batch or the entry that brought it was undone; its state is then 'withdrawn', and no author took it back.
ALTER TABLE opinion ADD COLUMN undone_at TEXT;

-- A file of opinions that a contact point uploaded.
CREATE TABLE upload_batch (
    id BLOB PRIMARY KEY NOT NULL,
    assignment_id BLOB NOT NULL REFERENCES collection_assignment (id),
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id),
    consultation_id BLOB NOT NULL REFERENCES consultation (id),
    -- The original, kept as it came.
    name TEXT NOT NULL,
    blob_hash TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    -- Empty until it was read.
    format TEXT NOT NULL,
    -- reading, mapping, checked, committing, committed, undone, discarded, failed
    state TEXT NOT NULL,
    -- One more with each change: whoever acts on an older page is told so.
    revision BIGINT NOT NULL,
    -- What is worked at and how far it is, in rows; heard_at is the last news of it, worker who works.
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    heard_at TEXT NOT NULL,
    worker BLOB,
    -- Why the work broke off; empty otherwise.
    failure TEXT NOT NULL,
    -- What the columns of each sheet say.
    layout TEXT NOT NULL,
    -- What a person should know about how it was read.
    notices TEXT NOT NULL,
    -- What holds for rows that do not say it themselves.
    defaults TEXT NOT NULL,
    uploaded_by BLOB NOT NULL REFERENCES account (id),
    uploaded_at TEXT NOT NULL,
    committed_by BLOB REFERENCES account (id),
    committed_at TEXT,
    undone_by BLOB REFERENCES account (id),
    undone_at TEXT,
    undo_reason TEXT NOT NULL
);

CREATE INDEX upload_batch_of_assignment ON upload_batch (assignment_id, uploaded_at DESC, id DESC);
-- A file is uploaded once for an assignment, unless the earlier batch is gone.
CREATE UNIQUE INDEX upload_batch_content ON upload_batch (assignment_id, blob_hash) WHERE state NOT IN ('undone', 'discarded', 'failed');

-- A row of a file.
CREATE TABLE upload_row (
    batch_id BLOB NOT NULL REFERENCES upload_batch (id),
    -- From 0, over all sheets.
    ordinal BIGINT NOT NULL,
    id BLOB NOT NULL UNIQUE,
    -- Index of the sheet, from 0.
    sheet BIGINT NOT NULL,
    -- As the spreadsheet numbers it, from 1.
    row_number BIGINT NOT NULL,
    -- The cells, sealed: names and telephone numbers stand in them.
    cells_sealed TEXT NOT NULL,
    -- pending, ready, duplicate, problem, not_opinion, skipped, committed, undone
    state TEXT NOT NULL,
    -- What is wrong or unsure, by column.
    problems TEXT NOT NULL,
    has_warnings BOOLEAN NOT NULL,
    -- Where the opinion hangs, as cited; empty while unknown.
    provision_label TEXT NOT NULL,
    -- Of everything that makes it this opinion and no other; NULL while there is none.
    content_hash TEXT,
    skip_reason TEXT NOT NULL,
    corrected_by BLOB REFERENCES account (id),
    corrected_at TEXT,
    opinion_id BLOB REFERENCES opinion (id),
    PRIMARY KEY (batch_id, ordinal)
) WITHOUT ROWID;

CREATE INDEX upload_row_state ON upload_row (batch_id, state, ordinal, has_warnings);
CREATE INDEX upload_row_content ON upload_row (batch_id, content_hash, ordinal) WHERE content_hash IS NOT NULL;

-- What the columns of tables with certain headings say at a contact point, as a person mapped them last.
CREATE TABLE upload_mapping (
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id),
    signature TEXT NOT NULL,
    fields TEXT NOT NULL,
    mapped_by BLOB REFERENCES account (id),
    mapped_at TEXT NOT NULL,
    PRIMARY KEY (contact_point_id, signature)
) WITHOUT ROWID;

-- Where an offline opinion came from. Who entered it is not its author.
CREATE TABLE opinion_provenance (
    opinion_id BLOB PRIMARY KEY NOT NULL REFERENCES opinion (id),
    consultation_id BLOB NOT NULL REFERENCES consultation (id),
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id),
    station_id BLOB REFERENCES collection_station (id),
    assignment_id BLOB NOT NULL REFERENCES collection_assignment (id),
    activity_id BLOB REFERENCES collection_activity (id),
    batch_id BLOB REFERENCES upload_batch (id),
    row_ordinal BIGINT,
    collector TEXT NOT NULL,
    method TEXT NOT NULL,
    -- The way of collecting in the words of the paper.
    method_words TEXT NOT NULL,
    place TEXT NOT NULL,
    collected_on TEXT NOT NULL,
    entered_by BLOB NOT NULL REFERENCES account (id),
    entered_at TEXT NOT NULL,
    -- given, refused, not_asked
    consent TEXT NOT NULL,
    -- Name and contact of the person, sealed; NULL when not given. The hash counts persons.
    person_sealed TEXT,
    contact_sealed TEXT,
    person_hash TEXT,
    -- The provision and its words as the paper has them.
    provision_words TEXT NOT NULL,
    quoted_words TEXT NOT NULL,
    scan_name TEXT NOT NULL,
    scan_hash TEXT NOT NULL,
    scan_bytes BIGINT NOT NULL,
    -- Of everything that makes it this opinion and no other.
    content_hash TEXT NOT NULL,
    idempotency_key TEXT,
    undone_at TEXT
);

-- The same words of the same person count once at a point in a round.
CREATE UNIQUE INDEX opinion_provenance_content ON opinion_provenance (consultation_id, contact_point_id, content_hash) WHERE undone_at IS NULL;
CREATE UNIQUE INDEX opinion_provenance_key ON opinion_provenance (contact_point_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX opinion_provenance_batch ON opinion_provenance (batch_id, row_ordinal) WHERE batch_id IS NOT NULL;
CREATE INDEX opinion_provenance_assignment ON opinion_provenance (assignment_id, entered_at, opinion_id);
CREATE INDEX opinion_provenance_activity ON opinion_provenance (activity_id) WHERE activity_id IS NOT NULL;
