-- How far each article of a version is, from an index alone.
CREATE INDEX IF NOT EXISTS opinion_progress ON opinion (draft_id, version_id, address, state);
