-- Citizens: phone numbers, consent, the statement of age, and what a person sees of their own sessions.

-- Sealed openid: subscription messages and text checks need the openid itself, which the hash does not give back.
ALTER TABLE account ADD COLUMN openid_sealed TEXT;
-- Keyed hash finds the account of a phone number, the sealed text gives the number back. Both or none.
ALTER TABLE account ADD COLUMN phone_hash TEXT;
ALTER TABLE account ADD COLUMN phone_sealed TEXT;
-- The version of the privacy notice that the person accepted last, and when (个人信息保护法 14, 17).
ALTER TABLE account ADD COLUMN privacy_version TEXT;
ALTER TABLE account ADD COLUMN privacy_accepted_at TIMESTAMPTZ;
-- What the person says of their age: unknown, fourteen_or_over, under_fourteen (个人信息保护法 28, 31). The date of birth is not asked.
ALTER TABLE account ADD COLUMN age TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE account ADD COLUMN age_stated_at TIMESTAMPTZ;
-- Consent of a guardian, proved by a one-time code sent to the guardian's phone; all or none.
ALTER TABLE account ADD COLUMN guardian_name_sealed TEXT;
ALTER TABLE account ADD COLUMN guardian_phone_sealed TEXT;
ALTER TABLE account ADD COLUMN guardian_relation TEXT;
ALTER TABLE account ADD COLUMN guardian_consented_at TIMESTAMPTZ;
-- Set when the person had the account erased, or when it was merged into another one; such a row holds nothing about a person any more and
-- keeps opinions of one author together without saying whose they are.
ALTER TABLE account ADD COLUMN erased_at TIMESTAMPTZ;

-- SQLite adds no unique column, so uniqueness is an index on both engines.
CREATE UNIQUE INDEX account_phone ON account (phone_hash) WHERE phone_hash IS NOT NULL;

-- What the person reads in the list of their sessions, e.g. 微信小程序 or Chrome（Windows）; never the whole user agent.
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';

-- One-time codes: at most one of a phone at a time, whatever it is for.
CREATE TABLE phone_code (
    phone_hash TEXT PRIMARY KEY NOT NULL,
    -- sign_in, bind_phone, guardian_consent: a code is good for nothing else.
    purpose TEXT NOT NULL,
    -- Keyed hash: six digits could be guessed from a plain one.
    code_hash TEXT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- Tries so far, right or wrong.
    tries BIGINT NOT NULL
);

CREATE INDEX phone_code_expiry ON phone_code (expires_at);
