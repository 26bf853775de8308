-- Contact points (立法基层联系点) and their collection stations.

CREATE TABLE contact_point (
    id BLOB PRIMARY KEY NOT NULL,
    -- Stable key, so that loading a list again changes rows instead of adding them.
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    established_by TEXT NOT NULL,
    legal_basis TEXT NOT NULL,
    established_on TEXT,
    host_unit TEXT NOT NULL,
    host_kind TEXT NOT NULL,
    region TEXT NOT NULL,
    address TEXT NOT NULL,
    opening_hours TEXT NOT NULL,
    introduction TEXT NOT NULL,
    how_to_take_part TEXT NOT NULL,
    -- List of words.
    topics TEXT NOT NULL,
    is_demonstration BOOLEAN NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE collection_station (
    id BLOB PRIMARY KEY NOT NULL,
    contact_point_id BLOB NOT NULL REFERENCES contact_point (id) ON DELETE CASCADE,
    code TEXT NOT NULL UNIQUE,
    ordinal BIGINT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    opening_hours TEXT NOT NULL
);

CREATE INDEX collection_station_point ON collection_station (contact_point_id, ordinal);
