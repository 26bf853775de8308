-- What tells the texts and the people behind opinions apart when they are counted: 60 bits of their hashes. Engines tell numbers apart several times faster than
-- hashes, and an index holds more of them; of a million, two are the same by chance once in two million times. What was there before has none yet.
ALTER TABLE opinion ADD COLUMN text_key BIGINT;
ALTER TABLE opinion ADD COLUMN person_key BIGINT;

-- The last 15 digits of a hash as a number: of the text's, and of the author's account or of the person whom a contact point wrote down. Who inserts gives them; a
-- trigger there would have SQLite look through every table that refers to opinions.
CREATE TRIGGER opinion_has_keys AFTER UPDATE OF text_hash, account_id ON opinion BEGIN
    UPDATE opinion SET (text_key, person_key) = (
        SELECT SUM((instr('0123456789abcdef', substr(NEW.text_hash, -1 - place.column1, 1)) - 1) << (4 * place.column1)),
            SUM((instr('0123456789abcdef', substr(person.digits, -1 - place.column1, 1)) - 1) << (4 * place.column1))
        FROM (SELECT COALESCE(NULLIF(lower(hex(NEW.account_id)), ''),
                (SELECT v.person_hash FROM opinion_provenance v WHERE v.opinion_id = NEW.id)) AS digits) person,
            (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14)) place
        ) WHERE id = NEW.id;
END;
CREATE TRIGGER opinion_provenance_gives_a_key AFTER UPDATE OF person_hash ON opinion_provenance BEGIN
    UPDATE opinion SET account_id = NULL WHERE id = NEW.opinion_id AND account_id IS NULL;
END;
