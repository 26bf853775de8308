-- The topmost provision that an opinion belongs to, an article, chapter or attachment: what numbers are counted by. NULL: the draft as a whole.
ALTER TABLE opinion ADD COLUMN article_address TEXT GENERATED ALWAYS AS (split_part(address, '/', 1)) STORED;

-- Numbers of one round, or of one point.
CREATE INDEX opinion_of_round ON opinion (consultation_id, posted_at, id);
CREATE INDEX opinion_of_point ON opinion (contact_point_id, posted_at, id) WHERE contact_point_id IS NOT NULL;
