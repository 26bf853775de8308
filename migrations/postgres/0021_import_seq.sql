-- Number of the newest change of the feed when an import ended: an index that has come so far finds everything the import brought. NULL while it runs, for
-- a trial, and for imports of before.
ALTER TABLE import_job ADD COLUMN change_seq BIGINT;
