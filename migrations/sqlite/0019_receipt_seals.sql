-- Receipts are sealed by entries of the audit log, many at a time.
-- The entry that seals the receipt; NULL: none yet.
ALTER TABLE opinion ADD COLUMN sealed_in BIGINT;
-- The beginning of the receipt's own hash: tells which receipt it is when a seal does not hold.
ALTER TABLE opinion ADD COLUMN seal_mark TEXT;

CREATE INDEX opinion_unsealed ON opinion (posted_at, id) WHERE sealed_in IS NULL;
CREATE INDEX opinion_sealed ON opinion (sealed_in, id) WHERE sealed_in IS NOT NULL;

-- What a receipt says stays as it was given out, and so does its seal.
CREATE TRIGGER opinion_receipt_is_never_changed BEFORE UPDATE OF id, receipt_number, content_hash, posted_at, sealed_in, seal_mark ON opinion WHEN
    NEW.id IS NOT OLD.id OR NEW.receipt_number IS NOT OLD.receipt_number OR NEW.content_hash IS NOT OLD.content_hash OR NEW.posted_at IS NOT OLD.posted_at
    OR (OLD.sealed_in IS NOT NULL AND (NEW.sealed_in IS NOT OLD.sealed_in OR NEW.seal_mark IS NOT OLD.seal_mark))
    BEGIN SELECT RAISE(ABORT, 'what a receipt says is never changed or removed'); END;
CREATE TRIGGER opinion_is_never_removed BEFORE DELETE ON opinion
    BEGIN SELECT RAISE(ABORT, 'what a receipt says is never changed or removed'); END;

-- What was delivered long ago is removed, from the oldest on; an event that is asked for later is kept.
CREATE INDEX outbox_delivered ON outbox (delivered_at, id) WHERE delivered_at IS NOT NULL AND event <> 'opinion_excluded';
CREATE INDEX subscription_send_done ON subscription_send (ended_at, message_id) WHERE state IN ('sent', 'refused');
