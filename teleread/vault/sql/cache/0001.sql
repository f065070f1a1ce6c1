-- cache.db: what can be fetched again. Times are UTC, ISO 8601 with microseconds.

CREATE TABLE worklist (
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  status TEXT NOT NULL,
  owner TEXT NOT NULL,
  owner_name TEXT NOT NULL,
  priority TEXT NOT NULL,
  priority_rank INTEGER NOT NULL,
  due TEXT,
  site TEXT NOT NULL,
  order_status TEXT NOT NULL,
  patient_name TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  birth_date TEXT NOT NULL,
  sex TEXT NOT NULL,
  nhs_number TEXT NOT NULL,
  nhs_status TEXT NOT NULL,
  accession TEXT NOT NULL,
  procedure TEXT NOT NULL,
  modality TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  instances INTEGER,
  versions TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  context BLOB NOT NULL,
  PRIMARY KEY (hub_id, task_id)
) STRICT;
CREATE INDEX worklist_order ON worklist (priority_rank, due);
CREATE INDEX worklist_study ON worklist (hub_id, study_uid);

CREATE TABLE hub_state (
  hub_id TEXT PRIMARY KEY,
  cursor TEXT NOT NULL DEFAULT '',
  last_pull_at TEXT,
  last_error TEXT NOT NULL DEFAULT '',
  offset_seconds REAL,
  offline_since TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE prior_report (
  hub_id TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  report_id TEXT NOT NULL,
  issued TEXT,
  content TEXT NOT NULL,
  PRIMARY KEY (hub_id, report_id)
) STRICT;
CREATE INDEX prior_report_patient ON prior_report (hub_id, patient_id, issued);

CREATE VIRTUAL TABLE prior_text USING fts5 (
  hub_id UNINDEXED, report_id UNINDEXED, body,
  tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO prior_text (prior_text, rank) VALUES ('secure-delete', 1);

CREATE TABLE study (
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  expected INTEGER,
  verified_at TEXT NOT NULL DEFAULT '',
  missing_why TEXT NOT NULL DEFAULT '',
  date TEXT NOT NULL DEFAULT '',
  description TEXT NOT NULL DEFAULT '',
  modality TEXT NOT NULL DEFAULT '',
  held INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  used_at TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (hub_id, study_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  series_uid TEXT NOT NULL,
  expected INTEGER,
  modality TEXT NOT NULL DEFAULT '',
  description TEXT NOT NULL DEFAULT '',
  number INTEGER,
  PRIMARY KEY (hub_id, study_uid, series_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment (
  id TEXT PRIMARY KEY,
  file TEXT NOT NULL UNIQUE,
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  length INTEGER,
  writer TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_study ON segment (hub_id, study_uid);

CREATE TABLE instance (
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  sop_uid TEXT NOT NULL,
  series_uid TEXT NOT NULL,
  segment_id TEXT NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  info TEXT NOT NULL,
  PRIMARY KEY (hub_id, study_uid, sop_uid)
) STRICT;
CREATE INDEX instance_segment ON instance (segment_id);
CREATE INDEX instance_series ON instance (hub_id, study_uid, series_uid);

CREATE TRIGGER instance_counted AFTER INSERT ON instance BEGIN
  INSERT INTO study (hub_id, study_uid, held, bytes) VALUES (NEW.hub_id, NEW.study_uid, 1, NEW.size)
  ON CONFLICT (hub_id, study_uid) DO UPDATE SET held = held + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER instance_uncounted AFTER DELETE ON instance BEGIN
  UPDATE study SET held = held - 1, bytes = bytes - OLD.size
  WHERE hub_id = OLD.hub_id AND study_uid = OLD.study_uid;
END;

CREATE TABLE request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  args TEXT NOT NULL,
  at TEXT NOT NULL,
  taken_at TEXT
) STRICT;
CREATE INDEX request_waiting ON request (id) WHERE taken_at IS NULL;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL,
  request_id INTEGER
) STRICT;
CREATE INDEX event_request ON event (request_id) WHERE request_id IS NOT NULL;
