-- Moderation before display, and notifications that are tried again, given up where they can be seen, and carried on to WeChat.

-- Where the check of an opinion stands: one row for each opinion that was checked, of its newest wording.
CREATE TABLE moderation_case (
    opinion_id UUID PRIMARY KEY NOT NULL REFERENCES opinion (id),
    -- The wording that was checked.
    revision BIGINT NOT NULL,
    -- What the check found: kinds and places, never the words.
    concerns JSONB NOT NULL,
    -- Since when it waits for a person, or when it last ceased to.
    waits_since TIMESTAMPTZ NOT NULL,
    -- Number of the newest entry of its history.
    entry BIGINT NOT NULL,
    -- The person who decided last; NULL: a rule.
    decided_by UUID REFERENCES account (id),
    decided_at TIMESTAMPTZ,
    -- Set while it is hidden: the listed reason, and what the author is told beside it.
    category TEXT,
    reason TEXT NOT NULL
);

CREATE INDEX moderation_case_order ON moderation_case (waits_since, opinion_id);

-- What was done about the display of an opinion, by whom and why (网络安全法 47).
CREATE TABLE moderation_entry (
    opinion_id UUID NOT NULL REFERENCES opinion (id),
    -- From 1, in the order of acting.
    number BIGINT NOT NULL,
    -- The wording that was judged.
    revision BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    -- NULL: a rule.
    account_id UUID REFERENCES account (id),
    act TEXT NOT NULL,
    -- Where the opinion stood afterwards.
    display TEXT NOT NULL,
    category TEXT,
    reason TEXT NOT NULL,
    concerns JSONB NOT NULL,
    PRIMARY KEY (opinion_id, number)
);

CREATE TRIGGER moderation_entry_is_never_changed BEFORE UPDATE OR DELETE ON moderation_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- 申诉: the key lets an author appeal once against one act of hiding.
CREATE TABLE moderation_appeal (
    opinion_id UUID NOT NULL,
    -- Number of the entry that hid it.
    hiding BIGINT NOT NULL,
    body TEXT NOT NULL,
    appealed_at TIMESTAMPTZ NOT NULL,
    -- granted, refused; NULL while nobody has decided.
    outcome TEXT,
    -- Somebody else than who hid it.
    decided_by UUID REFERENCES account (id),
    decided_at TIMESTAMPTZ,
    reply TEXT NOT NULL,
    PRIMARY KEY (opinion_id, hiding),
    FOREIGN KEY (opinion_id, hiding) REFERENCES moderation_entry (opinion_id, number)
);

CREATE INDEX moderation_appeal_open ON moderation_appeal (appealed_at, opinion_id) WHERE outcome IS NULL;

CREATE TRIGGER moderation_appeal_is_decided_once BEFORE UPDATE ON moderation_appeal FOR EACH ROW
    WHEN (OLD.outcome IS NOT NULL OR NEW.body <> OLD.body OR NEW.appealed_at <> OLD.appealed_at) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER moderation_appeal_is_never_removed BEFORE DELETE ON moderation_appeal FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What waits: for a check that did not end, or for a person.
CREATE INDEX opinion_unchecked ON opinion (posted_at, id) WHERE display = 'checking';
CREATE INDEX opinion_in_review ON opinion (id) WHERE display = 'review';
CREATE INDEX opinion_hidden ON opinion (id) WHERE display = 'hidden';

-- Tries that failed, the instant of the next one, and why the last one failed; what is given up stays, for staff to see and to send again.
ALTER TABLE outbox
    ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN next_attempt_at TIMESTAMPTZ,
    ADD COLUMN failure TEXT NOT NULL DEFAULT '',
    ADD COLUMN given_up_at TIMESTAMPTZ;

CREATE INDEX outbox_given_up ON outbox (given_up_at, id) WHERE given_up_at IS NOT NULL;
CREATE INDEX inbox_unread ON inbox (account_id) WHERE read_at IS NULL;

-- 订阅消息: a ledger of consents. One row is one consent, good for one message; it is spent once, for one message, and never comes back.
CREATE TABLE subscription_consent (
    id UUID PRIMARY KEY NOT NULL,
    account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    template_id TEXT NOT NULL,
    -- The client's key of the act of consenting: the same act sent twice is one consent.
    request_key TEXT NOT NULL,
    -- To whom the message goes, sealed; erased as soon as the consent is used up.
    openid_sealed TEXT,
    -- granted, spent, dropped
    state TEXT NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    -- When it was spent or dropped.
    ended_at TIMESTAMPTZ,
    -- The outbox row it was spent for.
    message_id UUID UNIQUE,
    UNIQUE (account_id, template_id, request_key)
);

CREATE INDEX subscription_consent_left ON subscription_consent (account_id, template_id, granted_at, id) WHERE state = 'granted';

CREATE TRIGGER subscription_consent_is_spent_once BEFORE UPDATE ON subscription_consent FOR EACH ROW
    WHEN (OLD.state <> 'granted' AND (NEW.state <> OLD.state OR NEW.message_id IS DISTINCT FROM OLD.message_id
        OR NEW.openid_sealed IS NOT NULL AND OLD.openid_sealed IS NULL)) EXECUTE FUNCTION refuse_change();

-- A message to be sent through WeChat; its consent was spent in the transaction that wrote this row.
CREATE TABLE subscription_send (
    -- The outbox row.
    message_id UUID PRIMARY KEY NOT NULL,
    consent_id UUID NOT NULL UNIQUE REFERENCES subscription_consent (id) ON DELETE CASCADE,
    account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    template_id TEXT NOT NULL,
    page TEXT NOT NULL,
    -- Values by the names of the template.
    fields JSONB NOT NULL,
    -- pending, sent, refused, failed
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- The instant of the next try; while a worker tries, the instant at which others may take it over.
    next_attempt_at TIMESTAMPTZ NOT NULL,
    -- Whether an earlier try may have got through without our hearing of it.
    is_uncertain BOOLEAN NOT NULL,
    failure TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ
);

CREATE INDEX subscription_send_pending ON subscription_send (next_attempt_at, message_id) WHERE state = 'pending';
CREATE INDEX subscription_send_failed ON subscription_send (ended_at, message_id) WHERE state = 'failed';
