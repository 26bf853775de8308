-- What happens to an opinion between its arrival and its answer, and what a round lets the public see.

ALTER TABLE consultation
    -- Whether opinions that passed moderation are shown while the round is open.
    ADD COLUMN shows_opinions BOOLEAN NOT NULL DEFAULT FALSE,
    -- Whether people may speak without signing in.
    ADD COLUMN allows_anonymous BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE opinion
    -- From 1; one more with each change by the author.
    ADD COLUMN revision BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN updated_at TIMESTAMPTZ,
    -- Set when the author took the opinion back; its state is then 'withdrawn'.
    ADD COLUMN withdrawn_at TIMESTAMPTZ,
    -- The words of the provision that the author points at, and where they begin, in characters; NULL and empty when none are.
    ADD COLUMN quote_start BIGINT,
    ADD COLUMN quote_text TEXT NOT NULL DEFAULT '',
    -- The wording that the author proposes for the provision.
    ADD COLUMN proposed_text TEXT NOT NULL DEFAULT '',
    -- Whether others may see the words, whatever the author wishes: checking, review, shown, hidden.
    ADD COLUMN display TEXT NOT NULL DEFAULT 'checking',
    -- Who of the staff handles it.
    ADD COLUMN handler_id UUID REFERENCES account (id),
    -- The group of near-identical opinions it is answered with.
    ADD COLUMN group_id UUID,
    -- The listed reason for which it needs no disposition; its state is then 'excluded'.
    ADD COLUMN exclusion TEXT,
    -- Keyed hash of the code with which an author without an account looks the answer up.
    ADD COLUMN lookup_hash TEXT;

-- Nothing was checked before it was shown until now: what an answer made public stays so, the rest waits for its check.
UPDATE opinion SET display = 'shown' WHERE state = 'answered';

CREATE UNIQUE INDEX opinion_lookup ON opinion (lookup_hash) WHERE lookup_hash IS NOT NULL;
CREATE INDEX opinion_of_group ON opinion (group_id) WHERE group_id IS NOT NULL;

ALTER TABLE disposition
    -- The second person, who let it pass.
    ADD COLUMN reviewed_by UUID REFERENCES account (id),
    ADD COLUMN reviewed_at TIMESTAMPTZ,
    -- The provision of a later version that resulted.
    ADD COLUMN result_version_id UUID REFERENCES draft_version (id),
    ADD COLUMN result_address TEXT;

-- 关注: who is told what becomes of a draft.
CREATE TABLE draft_follower (
    draft_id UUID NOT NULL REFERENCES draft (id),
    account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    followed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (draft_id, account_id)
);

CREATE INDEX draft_follower_account ON draft_follower (account_id, followed_at DESC, draft_id);
