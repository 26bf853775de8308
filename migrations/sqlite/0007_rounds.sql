-- What may happen to a round after it was published, what it asks, and who is told.

-- First instant that is too late also for a late opinion; NULL: late opinions are refused.
ALTER TABLE consultation ADD COLUMN late_until TEXT;
-- Whether everybody may see how the questions were answered; else only staff do.
ALTER TABLE consultation ADD COLUMN shows_answers BOOLEAN NOT NULL DEFAULT FALSE;
-- Set when the round was ended before its time, with the public reason.
ALTER TABLE consultation ADD COLUMN withdrawn_at TEXT;
ALTER TABLE consultation ADD COLUMN withdrawal_reason TEXT NOT NULL DEFAULT '';

-- Set when the draft as a whole was given up, with the public reason.
ALTER TABLE draft ADD COLUMN withdrawn_at TEXT;
ALTER TABLE draft ADD COLUMN withdrawal_reason TEXT NOT NULL DEFAULT '';

-- Whether it came after the end of the round, in the time in which the round still takes late ones.
ALTER TABLE opinion ADD COLUMN is_late BOOLEAN NOT NULL DEFAULT FALSE;

-- 延期: the end of a round moves only later; each move stays readable.
CREATE TABLE consultation_extension (
    consultation_id BLOB NOT NULL REFERENCES consultation (id),
    -- From 1, in the order of extending.
    number BIGINT NOT NULL,
    closed_at_before TEXT NOT NULL,
    closes_at TEXT NOT NULL,
    -- The public notice of it.
    notice TEXT NOT NULL,
    extended_by BLOB REFERENCES account (id),
    extended_at TEXT NOT NULL,
    PRIMARY KEY (consultation_id, number)
) WITHOUT ROWID;

CREATE TRIGGER consultation_extension_is_never_changed BEFORE UPDATE ON consultation_extension
    BEGIN SELECT RAISE(ABORT, 'an extension is never changed'); END;
CREATE TRIGGER consultation_extension_is_never_removed BEFORE DELETE ON consultation_extension
    BEGIN SELECT RAISE(ABORT, 'an extension is never changed'); END;

-- The end of a round never moves to an earlier instant; a round ends early only by being withdrawn, which is never taken back.
CREATE TRIGGER consultation_never_ends_earlier BEFORE UPDATE ON consultation WHEN NEW.closes_at < OLD.closes_at
    BEGIN SELECT RAISE(ABORT, 'the end of a round only moves later'); END;
CREATE TRIGGER consultation_stays_withdrawn BEFORE UPDATE ON consultation
    WHEN OLD.withdrawn_at IS NOT NULL AND (NEW.withdrawn_at IS NOT OLD.withdrawn_at OR NEW.withdrawal_reason <> OLD.withdrawal_reason)
    BEGIN SELECT RAISE(ABORT, 'a withdrawal is never changed'); END;

-- Questions of a round. They are published with it and never changed: an answer answers the words that were read.
CREATE TABLE consultation_question (
    id BLOB PRIMARY KEY NOT NULL,
    consultation_id BLOB NOT NULL REFERENCES consultation (id),
    -- From 1.
    number BIGINT NOT NULL,
    -- text, single, multiple
    kind TEXT NOT NULL,
    wording TEXT NOT NULL,
    UNIQUE (consultation_id, number)
);

CREATE TABLE question_option (
    question_id BLOB NOT NULL REFERENCES consultation_question (id),
    -- From 1.
    number BIGINT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (question_id, number)
) WITHOUT ROWID;

CREATE TRIGGER consultation_question_is_never_changed BEFORE UPDATE ON consultation_question
    BEGIN SELECT RAISE(ABORT, 'a published question is never changed'); END;
CREATE TRIGGER consultation_question_is_never_removed BEFORE DELETE ON consultation_question
    BEGIN SELECT RAISE(ABORT, 'a published question is never changed'); END;
CREATE TRIGGER question_option_is_never_changed BEFORE UPDATE ON question_option
    BEGIN SELECT RAISE(ABORT, 'a published question is never changed'); END;
CREATE TRIGGER question_option_is_never_removed BEFORE DELETE ON question_option
    BEGIN SELECT RAISE(ABORT, 'a published question is never changed'); END;

-- One answer of a person to a question; the person may change it until the round ends.
CREATE TABLE question_answer (
    question_id BLOB NOT NULL REFERENCES consultation_question (id),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Own words; empty for a choice.
    body TEXT NOT NULL,
    answered_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (question_id, account_id)
) WITHOUT ROWID;

CREATE INDEX question_answer_order ON question_answer (question_id, answered_at, account_id);
CREATE INDEX question_answer_account ON question_answer (account_id);

CREATE TABLE question_choice (
    question_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    option_number BIGINT NOT NULL,
    PRIMARY KEY (question_id, account_id, option_number),
    FOREIGN KEY (question_id, account_id) REFERENCES question_answer (question_id, account_id) ON DELETE CASCADE,
    FOREIGN KEY (question_id, option_number) REFERENCES question_option (question_id, number)
) WITHOUT ROWID;

-- What the clock made happen, once for each instant at which it was due; an end that moves is due anew.
CREATE TABLE timed_act (
    subject_id BLOB NOT NULL,
    act TEXT NOT NULL,
    due_at TEXT NOT NULL,
    done_at TEXT NOT NULL,
    PRIMARY KEY (subject_id, act, due_at)
) WITHOUT ROWID;

-- An event for all followers of a draft, written in the transaction of the event; a worker writes one outbox row for each follower, some at a time.
CREATE TABLE broadcast (
    id BLOB PRIMARY KEY NOT NULL,
    draft_id BLOB NOT NULL REFERENCES draft (id),
    event TEXT NOT NULL,
    about TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- The last follower that has its row: they go in the order of their ids.
    reached BLOB,
    finished_at TEXT
);

CREATE INDEX broadcast_pending ON broadcast (created_at, id) WHERE finished_at IS NULL;
