-- Organs that keep contact points, terms and responsible persons of points, staff by invitation, and the selection (遴选) of new points.

-- 市、县两级司法局. The two tiers above a contact point.
CREATE TABLE organ (
    id BLOB PRIMARY KEY NOT NULL,
    -- Stable key, so that loading a list again changes rows instead of adding them.
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- city or county.
    tier TEXT NOT NULL CHECK (tier IN ('city', 'county')),
    -- The organ above; none above that of the city.
    parent_id BLOB REFERENCES organ (id),
    region TEXT NOT NULL,
    is_demonstration BOOLEAN NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- The organ of county staff, and the station of point staff who work for one station only.
ALTER TABLE account ADD COLUMN organ_id BLOB REFERENCES organ (id);
ALTER TABLE account ADD COLUMN station_id BLOB REFERENCES collection_station (id);
CREATE INDEX account_contact_point ON account (contact_point_id) WHERE contact_point_id IS NOT NULL;

-- The organ that keeps the point; NULL: the bureau of the installation alone.
ALTER TABLE contact_point ADD COLUMN organ_id BLOB REFERENCES organ (id);
-- open or closed. What a closed point collected stays.
ALTER TABLE contact_point ADD COLUMN status TEXT NOT NULL DEFAULT 'open';
-- WGS 84, in millionths of a degree.
ALTER TABLE contact_point ADD COLUMN longitude_microdegrees BIGINT;
ALTER TABLE contact_point ADD COLUMN latitude_microdegrees BIGINT;
-- First and last day of the present term; NULL: without an end.
ALTER TABLE contact_point ADD COLUMN term_begins_on TEXT;
ALTER TABLE contact_point ADD COLUMN term_ends_on TEXT;
-- One more with each change: whoever saves from an older page is told that somebody else was faster.
ALTER TABLE contact_point ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- Name, host, region, address and topics as the finder compares them.
ALTER TABLE contact_point ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE contact_point SET words = lower(name || ' ' || host_unit || ' ' || region || ' ' || address || ' ' || topics);
CREATE INDEX contact_point_organ ON contact_point (organ_id, region, name, id);
CREATE INDEX contact_point_region ON contact_point (region, name, id);

ALTER TABLE collection_station ADD COLUMN longitude_microdegrees BIGINT;
ALTER TABLE collection_station ADD COLUMN latitude_microdegrees BIGINT;
-- Closed stations keep what came through them.
ALTER TABLE collection_station ADD COLUMN closed_at TEXT;

-- Responsible persons of a point.
CREATE TABLE contact_point_person (
    id BLOB PRIMARY KEY NOT NULL,
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id),
    ordinal BIGINT NOT NULL,
    -- 负责人, 联络员, in the words of the office.
    duty TEXT NOT NULL,
    -- Sealed; opened for staff, and for everybody where the person agreed to be shown.
    name_sealed TEXT NOT NULL,
    phone_sealed TEXT NOT NULL,
    is_public BOOLEAN NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE INDEX contact_point_person_of_point ON contact_point_person (contact_point_id, ordinal, id);

-- Opening, renewal, closing and changes of a point, as they happened.
CREATE TABLE contact_point_entry (
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id),
    -- The revision that resulted.
    revision BIGINT NOT NULL,
    act TEXT NOT NULL,
    -- Why, or what; never personal data.
    reason TEXT NOT NULL,
    term_begins_on TEXT,
    term_ends_on TEXT,
    -- NULL: the installation itself.
    by_account BLOB REFERENCES account (id),
    at TEXT NOT NULL,
    PRIMARY KEY (contact_point_id, revision)
) WITHOUT ROWID;

CREATE TRIGGER contact_point_entry_is_never_changed BEFORE UPDATE ON contact_point_entry
    BEGIN SELECT RAISE(ABORT, 'the history of a point is never changed'); END;
CREATE TRIGGER contact_point_entry_is_never_removed BEFORE DELETE ON contact_point_entry
    BEGIN SELECT RAISE(ABORT, 'the history of a point is never changed'); END;

-- 邀请: a one-time link that makes an account at a point, a station or an organ.
CREATE TABLE staff_invitation (
    id BLOB PRIMARY KEY NOT NULL,
    role TEXT NOT NULL,
    organ_id BLOB REFERENCES organ (id),
    contact_point_id BLOB REFERENCES contact_point (id),
    station_id BLOB REFERENCES collection_station (id),
    -- For whom, in the words of who invites; no personal data is asked for.
    remark TEXT NOT NULL,
    -- Keyed hash; the code is shown once and not kept.
    code_hash TEXT NOT NULL UNIQUE,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT,
    used_by BLOB REFERENCES account (id),
    revoked_at TEXT,
    revoked_by BLOB REFERENCES account (id)
);

CREATE INDEX staff_invitation_order ON staff_invitation (created_at, id);
CREATE INDEX staff_invitation_of_point ON staff_invitation (contact_point_id, created_at, id);

-- 遴选公告: a public call for new contact points.
CREATE TABLE selection_call (
    id BLOB PRIMARY KEY NOT NULL,
    organ_id BLOB REFERENCES organ (id),
    title TEXT NOT NULL,
    notice TEXT NOT NULL,
    -- List of {name, explanation, maximum}.
    criteria TEXT NOT NULL,
    opens_on TEXT NOT NULL,
    -- Applications are taken until 24:00 of this day in Asia/Shanghai.
    closes_on TEXT NOT NULL,
    -- preparing, published, decided or withdrawn. That it takes applications is read from the clock.
    state TEXT NOT NULL,
    result_notice TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by BLOB REFERENCES account (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    published_at TEXT,
    decided_at TEXT
);

CREATE INDEX selection_call_order ON selection_call (closes_on, id);

-- 遴选申报: what a unit says that wants to become a contact point.
CREATE TABLE selection_application (
    id BLOB PRIMARY KEY NOT NULL,
    call_id BLOB NOT NULL REFERENCES selection_call (id),
    number TEXT NOT NULL UNIQUE,
    -- Keyed hash of the code under which the unit looks its application up; also what makes one sending the same as another.
    code_hash TEXT NOT NULL UNIQUE,
    content_hash TEXT NOT NULL,
    unit_name TEXT NOT NULL,
    -- The name as lists sort it, and as two applications of one unit are found.
    unit_key TEXT NOT NULL,
    host_kind TEXT NOT NULL,
    region TEXT NOT NULL,
    address TEXT NOT NULL,
    introduction TEXT NOT NULL,
    plan TEXT NOT NULL,
    contact_name_sealed TEXT NOT NULL,
    contact_phone_sealed TEXT NOT NULL,
    -- submitted, withdrawn, selected, not_selected.
    state TEXT NOT NULL,
    -- Told to the unit with the result.
    result_reason TEXT NOT NULL,
    -- The point that a selected application became.
    contact_point_id BLOB REFERENCES contact_point (id),
    revision BIGINT NOT NULL,
    submitted_at TEXT NOT NULL,
    withdrawn_at TEXT
);

CREATE INDEX selection_application_of_call ON selection_application (call_id, unit_key, id);

CREATE TABLE selection_document (
    id BLOB PRIMARY KEY NOT NULL,
    application_id BLOB NOT NULL REFERENCES selection_application (id),
    place BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- By content, never by name.
    kind TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_hash TEXT NOT NULL
);

CREATE INDEX selection_document_of_application ON selection_document (application_id, place);

-- What one member of staff gives an application under one criterion; internal.
CREATE TABLE selection_score (
    application_id BLOB NOT NULL REFERENCES selection_application (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    -- Place of the criterion in the call, from 0.
    criterion BIGINT NOT NULL,
    points BIGINT NOT NULL,
    remark TEXT NOT NULL,
    scored_at TEXT NOT NULL,
    PRIMARY KEY (application_id, account_id, criterion)
) WITHOUT ROWID;

-- Idempotency keys of the acts of staff on points, invitations and calls, with what came of them.
CREATE TABLE contact_point_act (
    account_id BLOB NOT NULL REFERENCES account (id),
    idempotency_key TEXT NOT NULL,
    act TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    -- What was made or changed.
    subject_id BLOB NOT NULL,
    done_at TEXT NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
) WITHOUT ROWID;

CREATE INDEX contact_point_act_age ON contact_point_act (done_at);
