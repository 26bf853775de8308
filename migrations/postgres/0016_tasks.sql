-- Collection tasks (征集任务), what each contact point does for them, and the activities at which opinions are collected.

-- What the bureau asks contact points to collect for one round.
CREATE TABLE collection_task (
    id UUID PRIMARY KEY NOT NULL,
    consultation_id UUID NOT NULL REFERENCES consultation (id),
    title TEXT NOT NULL,
    instructions TEXT NOT NULL,
    -- List of words: questions to ask.
    questions JSONB NOT NULL,
    -- List of addresses of provisions of the version that the round asks about.
    addresses JSONB NOT NULL,
    -- First instant that is too late; each assignment has its own, which an extension moves.
    due_at TIMESTAMPTZ NOT NULL,
    -- open, cancelled
    state TEXT NOT NULL,
    cancel_reason TEXT NOT NULL DEFAULT '',
    created_by UUID REFERENCES account (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    idempotency_key TEXT,
    -- Of everything that was sent: tells a repetition from another task under the same key.
    content_hash TEXT NOT NULL,
    UNIQUE (created_by, idempotency_key)
);

CREATE INDEX collection_task_order ON collection_task (created_at DESC, id DESC);
CREATE INDEX collection_task_round ON collection_task (consultation_id, created_at, id);

-- A task that a county organ is asked to pass on to points of its own.
CREATE TABLE collection_relay (
    id UUID PRIMARY KEY NOT NULL,
    task_id UUID NOT NULL REFERENCES collection_task (id),
    organ_id UUID NOT NULL REFERENCES organ (id),
    sent_at TIMESTAMPTZ NOT NULL,
    -- What the county organ adds for its points.
    note TEXT NOT NULL DEFAULT '',
    -- When it was first passed on; NULL: it waits.
    passed_on_at TIMESTAMPTZ,
    passed_on_by UUID REFERENCES account (id),
    UNIQUE (task_id, organ_id)
);

CREATE INDEX collection_relay_organ ON collection_relay (organ_id, sent_at DESC, id DESC);

-- What one contact point does for a task.
CREATE TABLE collection_assignment (
    id UUID PRIMARY KEY NOT NULL,
    task_id UUID NOT NULL REFERENCES collection_task (id),
    contact_point_id UUID NOT NULL REFERENCES contact_point (id),
    -- Through which county organ it came; NULL: from the bureau itself.
    relay_id UUID REFERENCES collection_relay (id),
    -- sent, acknowledged, collecting, submitted, returned, accepted, cancelled
    state TEXT NOT NULL,
    -- One more with each entry: whoever acts on an older page is told that somebody else was faster.
    revision BIGINT NOT NULL,
    -- First instant that is too late.
    due_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    -- The first submission says whether it was in time; the last one is what the bureau looks at.
    first_submitted_at TIMESTAMPTZ,
    submitted_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (task_id, contact_point_id)
);

CREATE INDEX collection_assignment_point ON collection_assignment (contact_point_id, sent_at DESC, id DESC);
CREATE INDEX collection_assignment_due ON collection_assignment (due_at, id) WHERE state IN ('sent', 'acknowledged', 'collecting', 'returned');

-- Everything that happened to an assignment: who, when, why.
CREATE TABLE assignment_entry (
    assignment_id UUID NOT NULL REFERENCES collection_assignment (id),
    -- From 1, the revision of the assignment that it made.
    number BIGINT NOT NULL,
    step TEXT NOT NULL,
    -- The state after it.
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Who; NULL for the installation itself.
    account_id UUID REFERENCES account (id),
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (assignment_id, number)
);

CREATE TRIGGER assignment_entry_is_never_changed BEFORE UPDATE OR DELETE ON assignment_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- 延期申请
CREATE TABLE extension_request (
    id UUID PRIMARY KEY NOT NULL,
    assignment_id UUID NOT NULL REFERENCES collection_assignment (id),
    reason TEXT NOT NULL,
    -- Last day that is asked for.
    asked_until DATE NOT NULL,
    asked_by UUID REFERENCES account (id),
    asked_at TIMESTAMPTZ NOT NULL,
    -- asked, granted, refused
    state TEXT NOT NULL,
    -- Last day that was granted.
    granted_until DATE,
    remark TEXT NOT NULL DEFAULT '',
    decided_by UUID REFERENCES account (id),
    decided_at TIMESTAMPTZ
);

CREATE INDEX extension_request_of_assignment ON extension_request (assignment_id, asked_at, id);
-- One request waits at a time.
CREATE UNIQUE INDEX extension_request_waiting ON extension_request (assignment_id) WHERE state = 'asked';

-- 征集活动
CREATE TABLE collection_activity (
    id UUID PRIMARY KEY NOT NULL,
    contact_point_id UUID NOT NULL REFERENCES contact_point (id),
    station_id UUID REFERENCES collection_station (id),
    assignment_id UUID REFERENCES collection_assignment (id),
    consultation_id UUID REFERENCES consultation (id),
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    held_on DATE NOT NULL,
    place TEXT NOT NULL,
    people_present BIGINT NOT NULL,
    -- Reached in any way, those present included.
    people_reached BIGINT NOT NULL,
    -- List of words: kinds of participants, never names.
    participant_kinds JSONB NOT NULL,
    minutes TEXT NOT NULL,
    -- One more with each change.
    revision BIGINT NOT NULL,
    created_by UUID REFERENCES account (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    idempotency_key TEXT,
    content_hash TEXT NOT NULL,
    UNIQUE (created_by, idempotency_key)
);

CREATE INDEX collection_activity_point ON collection_activity (contact_point_id, held_on DESC, id DESC);
CREATE INDEX collection_activity_assignment ON collection_activity (assignment_id, held_on, id) WHERE assignment_id IS NOT NULL;

-- Photos, recordings and papers of an activity. They may show persons: for the point and the bureau only.
CREATE TABLE activity_file (
    id UUID PRIMARY KEY NOT NULL,
    activity_id UUID NOT NULL REFERENCES collection_activity (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_hash TEXT NOT NULL,
    created_by UUID REFERENCES account (id),
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (activity_id, blob_hash)
);

CREATE INDEX activity_file_content ON activity_file (blob_hash);
