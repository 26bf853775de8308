-- contract: since 0.1.0 opinion_of_round and opinion_of_group are the beginnings of opinion_numbers and opinion_members
-- The keys of what was there before 0024; whoever has a large table sets them beforehand.
UPDATE opinion SET text_hash = text_hash WHERE text_key IS NULL;
-- The numbers of a round and of all rounds, from an index alone; in the order in which opinions come, so that it grows at its end.
CREATE INDEX IF NOT EXISTS opinion_numbers ON opinion (consultation_id, posted_at, id, text_key, person_key, contact_point_id, channel, address, state, is_late);
DROP INDEX IF EXISTS opinion_of_round;
-- How large a group is, from an index alone.
CREATE INDEX IF NOT EXISTS opinion_members ON opinion (group_id, state) WHERE group_id IS NOT NULL;
DROP INDEX IF EXISTS opinion_of_group;
