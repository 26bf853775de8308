-- Receipts are sealed by entries of the audit log, many at a time.
ALTER TABLE opinion
    -- The entry that seals the receipt; NULL: none yet.
    ADD COLUMN IF NOT EXISTS sealed_in BIGINT,
    -- The beginning of the receipt's own hash: tells which receipt it is when a seal does not hold.
    ADD COLUMN IF NOT EXISTS seal_mark TEXT;

CREATE INDEX IF NOT EXISTS opinion_unsealed ON opinion (posted_at, id) WHERE sealed_in IS NULL;
CREATE INDEX IF NOT EXISTS opinion_sealed ON opinion (sealed_in, id) WHERE sealed_in IS NOT NULL;

-- What a receipt says stays as it was given out, and so does its seal.
CREATE FUNCTION refuse_other_receipt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'what a receipt says is never changed or removed'; END $$;
CREATE TRIGGER opinion_receipt_is_never_changed BEFORE UPDATE ON opinion FOR EACH ROW WHEN (
    NEW.id IS DISTINCT FROM OLD.id OR NEW.receipt_number IS DISTINCT FROM OLD.receipt_number
    OR NEW.content_hash IS DISTINCT FROM OLD.content_hash OR NEW.posted_at IS DISTINCT FROM OLD.posted_at
    OR (OLD.sealed_in IS NOT NULL AND (NEW.sealed_in IS DISTINCT FROM OLD.sealed_in OR NEW.seal_mark IS DISTINCT FROM OLD.seal_mark))
) EXECUTE FUNCTION refuse_other_receipt();
CREATE TRIGGER opinion_is_never_removed BEFORE DELETE ON opinion FOR EACH ROW EXECUTE FUNCTION refuse_other_receipt();

-- What was delivered long ago is removed, from the oldest on; an event that is asked for later is kept.
CREATE INDEX IF NOT EXISTS outbox_delivered ON outbox (delivered_at, id) WHERE delivered_at IS NOT NULL AND event <> 'opinion_excluded';
CREATE INDEX IF NOT EXISTS subscription_send_done ON subscription_send (ended_at, message_id) WHERE state IN ('sent', 'refused');
