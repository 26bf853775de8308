-- Answering: groups of near-identical opinions, tags, notes, reusable reasons, and the second person who lets an answer pass.

-- One more with each answer written anew: whoever saves from an older page is told that somebody else was faster.
ALTER TABLE disposition ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- The revision of the opinion that was answered; an answer to older words is not published.
ALTER TABLE disposition ADD COLUMN opinion_revision BIGINT NOT NULL DEFAULT 1;
-- The group through which it was written; NULL: for this opinion alone. An answer for a group never overwrites one for an opinion alone.
ALTER TABLE disposition ADD COLUMN group_id BLOB;
-- Why the second person gave it back; empty once it is written anew.
ALTER TABLE disposition ADD COLUMN returned_by BLOB REFERENCES account (id);
ALTER TABLE disposition ADD COLUMN returned_at TEXT;
ALTER TABLE disposition ADD COLUMN returned_remark TEXT NOT NULL DEFAULT '';
-- How the provision that resulted is cited, with its version, as it was when the answer was written.
ALTER TABLE disposition ADD COLUMN result_label TEXT NOT NULL DEFAULT '';

-- One more with each change that staff make to the groups of a draft: suggestions that were computed beside such a change are computed anew.
ALTER TABLE draft ADD COLUMN grouping_revision BIGINT NOT NULL DEFAULT 0;

-- 同类意见
CREATE TABLE opinion_group (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    -- All members speak of this version.
    version_id BLOB NOT NULL REFERENCES draft_version (id),
    -- The member that the others were compared with and that stands for the group on pages.
    representative_id BLOB NOT NULL REFERENCES opinion (id),
    -- suggested: computed, nobody looked yet; confirmed: a person let it stand.
    state TEXT NOT NULL,
    -- One more with each change.
    revision BIGINT NOT NULL,
    -- The answer written for the group, offered for members that join later; NULL and empty while there is none.
    kind TEXT,
    reason TEXT NOT NULL DEFAULT '',
    result_version_id BLOB REFERENCES draft_version (id),
    result_address TEXT,
    result_label TEXT NOT NULL DEFAULT '',
    answered_by BLOB REFERENCES account (id),
    answered_at TEXT,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX opinion_group_of_draft ON opinion_group (draft_id, id);

-- What staff took apart: opinions on different sides of one split are never suggested as one group again.
CREATE TABLE opinion_split (
    split_id BLOB NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    opinion_id BLOB NOT NULL REFERENCES opinion (id),
    side BIGINT NOT NULL,
    PRIMARY KEY (split_id, opinion_id)
) WITHOUT ROWID;

CREATE INDEX opinion_split_of_draft ON opinion_split (draft_id, split_id, opinion_id);

-- Words of staff that sort opinions.
CREATE TABLE opinion_tag (
    opinion_id BLOB NOT NULL REFERENCES opinion (id),
    draft_id BLOB NOT NULL REFERENCES draft (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (opinion_id, tag)
) WITHOUT ROWID;

CREATE INDEX opinion_tag_of_draft ON opinion_tag (draft_id, tag, opinion_id);

-- Notes among staff; never public, in no export to the public. What was noted stays.
CREATE TABLE opinion_note (
    id BLOB PRIMARY KEY NOT NULL,
    opinion_id BLOB NOT NULL REFERENCES opinion (id),
    author_id BLOB NOT NULL REFERENCES account (id),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE INDEX opinion_note_of_opinion ON opinion_note (opinion_id, created_at, id);

CREATE TRIGGER opinion_note_is_never_changed BEFORE UPDATE ON opinion_note BEGIN SELECT RAISE(ABORT, 'a note is never changed'); END;
CREATE TRIGGER opinion_note_is_never_removed BEFORE DELETE ON opinion_note BEGIN SELECT RAISE(ABORT, 'a note is never changed'); END;

-- Reasons that are used again on one draft.
CREATE TABLE reason_text (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    body TEXT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL
);

CREATE INDEX reason_text_of_draft ON reason_text (draft_id, created_at, id);

-- The work list goes by draft and state, and by draft and place.
CREATE INDEX opinion_of_draft_state ON opinion (draft_id, state, posted_at, id);
CREATE INDEX opinion_of_draft_address ON opinion (draft_id, address);
CREATE INDEX opinion_of_handler ON opinion (handler_id) WHERE handler_id IS NOT NULL;
