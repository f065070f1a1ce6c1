-- What prefetching knows and the reader wants of it: all of it can be asked again.

ALTER TABLE study ADD COLUMN asked_at TEXT NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN changed TEXT NOT NULL DEFAULT '';

CREATE TABLE wish (
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('first', 'pause', 'pin')),
  for_study TEXT NOT NULL DEFAULT '',
  at TEXT NOT NULL,
  PRIMARY KEY (hub_id, study_uid, kind, for_study)
) STRICT, WITHOUT ROWID;

CREATE TABLE line (
  hub_id TEXT PRIMARY KEY,
  rate REAL NOT NULL,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE archive_prior (
  hub_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (hub_id, issuer, patient_id, study_uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE archive_asked (
  hub_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (hub_id, issuer, patient_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX study_used ON study (used_at) WHERE held > 0;
CREATE INDEX worklist_stat ON worklist (hub_id, study_uid) WHERE priority_rank = 0;
CREATE INDEX worklist_owned ON worklist (owner) WHERE owner <> '';

CREATE INDEX event_case ON event (id) WHERE kind = 'case-opened';
