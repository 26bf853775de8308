-- The feedback report of a round: public from the instant at which the answers of the round were first published.
ALTER TABLE consultation ADD COLUMN feedback_published_at TEXT;

UPDATE consultation SET feedback_published_at = (
    SELECT MAX(p.published_at) FROM opinion o JOIN disposition p ON p.opinion_id = o.id WHERE o.consultation_id = consultation.id
) WHERE NOT EXISTS (
    SELECT 1 FROM opinion o WHERE o.consultation_id = consultation.id AND o.state IN ('received', 'answer_prepared', 'answer_reviewed')
);
-- A round that drew no opinion.
UPDATE consultation SET feedback_published_at = (SELECT d.updated_at FROM draft d WHERE d.id = consultation.draft_id)
WHERE feedback_published_at IS NULL AND EXISTS (
    SELECT 1 FROM draft d WHERE d.id = consultation.draft_id AND d.round = consultation.round AND d.state IN ('feedback_published', 'promulgated')
);
