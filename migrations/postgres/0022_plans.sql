-- What is counted of a draft on every page, from indexes alone: opinions by where they stand and how they came, their texts, and their authors.
CREATE INDEX IF NOT EXISTS opinion_standing ON opinion (draft_id, state, channel);
CREATE INDEX IF NOT EXISTS opinion_texts ON opinion (draft_id, text_hash, state, channel);
CREATE INDEX IF NOT EXISTS opinion_people ON opinion (draft_id, account_id, state, channel);

-- The work list of one group or of one person, in its order.
CREATE INDEX IF NOT EXISTS opinion_of_draft_group ON opinion (draft_id, group_id, posted_at, id) WHERE group_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS opinion_of_draft_handler ON opinion (draft_id, handler_id, posted_at, id) WHERE handler_id IS NOT NULL;

-- How many wait for a moderator, and how many are hidden.
CREATE INDEX IF NOT EXISTS opinion_in_review_standing ON opinion (state) WHERE display = 'review';
CREATE INDEX IF NOT EXISTS opinion_hidden_standing ON opinion (state) WHERE display = 'hidden';

-- Answers that were given back are few.
CREATE INDEX IF NOT EXISTS disposition_returned ON disposition (opinion_id) WHERE returned_at IS NOT NULL;

-- Whether the author of an excluded opinion was told, asked for each of them when feedback is published.
CREATE INDEX IF NOT EXISTS outbox_of_excluded ON outbox (subject_id) WHERE event = 'opinion_excluded';

-- Staff among the accounts, which are those of citizens but for a few.
CREATE INDEX IF NOT EXISTS account_of_role ON account (role, id);
CREATE INDEX IF NOT EXISTS account_of_organ ON account (organ_id) WHERE organ_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_of_station ON account (station_id) WHERE station_id IS NOT NULL;

-- The files of a person, for the copy of the personal data.
CREATE INDEX IF NOT EXISTS opinion_attachment_of_account ON opinion_attachment (account_id, uploaded_at, id) WHERE account_id IS NOT NULL;

-- What an account leaves behind, when two become one and when one is erased.
CREATE INDEX IF NOT EXISTS outbox_account ON outbox (account_id);
CREATE INDEX IF NOT EXISTS question_choice_account ON question_choice (account_id);
CREATE INDEX IF NOT EXISTS subscription_send_account ON subscription_send (account_id);

-- The collection in the order of titles.
CREATE INDEX IF NOT EXISTS corpus_work_by_title ON corpus_work (title, id);
