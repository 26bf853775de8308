-- What happens to an opinion between its arrival and its answer, and what a round lets the public see.

-- Whether opinions that passed moderation are shown while the round is open.
ALTER TABLE consultation ADD COLUMN shows_opinions BOOLEAN NOT NULL DEFAULT FALSE;
-- Whether people may speak without signing in.
ALTER TABLE consultation ADD COLUMN allows_anonymous BOOLEAN NOT NULL DEFAULT FALSE;

-- From 1; one more with each change by the author.
ALTER TABLE opinion ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE opinion ADD COLUMN updated_at TEXT;
-- Set when the author took the opinion back; its state is then 'withdrawn'.
ALTER TABLE opinion ADD COLUMN withdrawn_at TEXT;
-- The words of the provision that the author points at, and where they begin, in characters; NULL and empty when none are.
ALTER TABLE opinion ADD COLUMN quote_start BIGINT;
ALTER TABLE opinion ADD COLUMN quote_text TEXT NOT NULL DEFAULT '';
-- The wording that the author proposes for the provision.
ALTER TABLE opinion ADD COLUMN proposed_text TEXT NOT NULL DEFAULT '';
-- Whether others may see the words, whatever the author wishes: checking, review, shown, hidden.
ALTER TABLE opinion ADD COLUMN display TEXT NOT NULL DEFAULT 'checking';
-- Who of the staff handles it.
ALTER TABLE opinion ADD COLUMN handler_id BLOB REFERENCES account (id);
-- The group of near-identical opinions it is answered with.
ALTER TABLE opinion ADD COLUMN group_id BLOB;
-- The listed reason for which it needs no disposition; its state is then 'excluded'.
ALTER TABLE opinion ADD COLUMN exclusion TEXT;
-- Keyed hash of the code with which an author without an account looks the answer up.
ALTER TABLE opinion ADD COLUMN lookup_hash TEXT;

-- Nothing was checked before it was shown until now: what an answer made public stays so, the rest waits for its check.
UPDATE opinion SET display = 'shown' WHERE state = 'answered';

CREATE UNIQUE INDEX opinion_lookup ON opinion (lookup_hash) WHERE lookup_hash IS NOT NULL;
CREATE INDEX opinion_of_group ON opinion (group_id) WHERE group_id IS NOT NULL;

-- The second person, who let it pass.
ALTER TABLE disposition ADD COLUMN reviewed_by BLOB REFERENCES account (id);
ALTER TABLE disposition ADD COLUMN reviewed_at TEXT;
-- The provision of a later version that resulted.
ALTER TABLE disposition ADD COLUMN result_version_id BLOB REFERENCES draft_version (id);
ALTER TABLE disposition ADD COLUMN result_address TEXT;

-- 关注: who is told what becomes of a draft.
CREATE TABLE draft_follower (
    draft_id BLOB NOT NULL REFERENCES draft (id),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    followed_at TEXT NOT NULL,
    PRIMARY KEY (draft_id, account_id)
);

CREATE INDEX draft_follower_account ON draft_follower (account_id, followed_at DESC, draft_id);
