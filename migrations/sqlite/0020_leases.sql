-- Work that survives the death of its worker: whoever works claims it and says from time to time that they still do; what is silent is taken up by another.

-- Who works at an import, and the last sign of it; NULL while nobody does. How often it was begun.
ALTER TABLE import_job ADD COLUMN worker BLOB;
ALTER TABLE import_job ADD COLUMN heard_at TEXT;
ALTER TABLE import_job ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;

CREATE INDEX import_job_running ON import_job (created_at, id) WHERE state = 'running';

-- The files of an import, in the store of originals until some time after its end. A job without any was begun by software that kept none.
CREATE TABLE import_job_file (
    job_id BLOB NOT NULL REFERENCES import_job (id),
    -- From 0.
    ordinal BIGINT NOT NULL,
    -- As the sender named it.
    name TEXT NOT NULL,
    blob_hash TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (job_id, ordinal)
) WITHOUT ROWID;

CREATE INDEX import_job_file_content ON import_job_file (blob_hash);

-- How often the present work at a batch was taken up by itself, and in whose name it is done; NULL when no work is under way.
ALTER TABLE upload_batch ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload_batch ADD COLUMN worked_for BLOB REFERENCES account (id);

CREATE INDEX upload_batch_working ON upload_batch (heard_at, id) WHERE state IN ('reading', 'checking', 'committing');

-- Who looks for near-identical opinions of a draft, for as long as they do.
CREATE TABLE grouping_work (
    draft_id BLOB PRIMARY KEY NOT NULL,
    worker BLOB NOT NULL,
    heard_at TEXT NOT NULL
) WITHOUT ROWID;
