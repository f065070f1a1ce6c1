-- reports.db: what must never be lost. Times are UTC, ISO 8601 with microseconds.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hub_secret (
  hub_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (hub_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE study_key (
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (hub_id, study_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (
  kind TEXT PRIMARY KEY CHECK (kind IN ('pin', 'passphrase', 'none')),
  salt BLOB NOT NULL,
  memory_kib INTEGER NOT NULL,
  passes INTEGER NOT NULL,
  lanes INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_key (
  id TEXT PRIMARY KEY,
  algorithm TEXT NOT NULL,
  sealed BLOB,
  public_key BLOB NOT NULL UNIQUE,
  certificate BLOB NOT NULL,
  created_at TEXT NOT NULL,
  retired_at TEXT
) STRICT;

CREATE TABLE draft (
  id TEXT PRIMARY KEY,
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('report', 'addendum')),
  report_id TEXT NOT NULL,
  template_id TEXT NOT NULL,
  template_version TEXT NOT NULL,
  opened_versions TEXT NOT NULL,
  opened_study_digest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'signed', 'discarded', 'kept')),
  reason TEXT NOT NULL DEFAULT '',
  holder TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  closed_at TEXT
) STRICT;
CREATE INDEX draft_by_task ON draft (hub_id, task_id, state);

CREATE TABLE draft_op (
  draft_id TEXT NOT NULL REFERENCES draft (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  change TEXT NOT NULL,
  PRIMARY KEY (draft_id, seq)
) STRICT;
CREATE TRIGGER draft_op_stays BEFORE UPDATE ON draft_op
BEGIN SELECT raise(ABORT, 'draft_op is append-only'); END;

CREATE TABLE report (
  report_id TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  draft_id TEXT NOT NULL,
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  accession TEXT NOT NULL,
  kind TEXT NOT NULL,
  frozen BLOB NOT NULL,
  sha256 TEXT NOT NULL,
  signature TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  signed_at TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'signed' CHECK (state IN ('signed', 'issued', 'needs_attention')),
  PRIMARY KEY (report_id, version)
) STRICT;
CREATE INDEX report_by_task ON report (hub_id, task_id);
CREATE TRIGGER report_stays BEFORE UPDATE OF
  report_id, version, draft_id, hub_id, task_id, frozen, sha256, signature, idempotency_key, signed_at ON report
BEGIN SELECT raise(ABORT, 'report is append-only'); END;

CREATE VIRTUAL TABLE report_text USING fts5 (
  report_id UNINDEXED, version UNINDEXED, hub_id UNINDEXED, body,
  tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO report_text (report_text, rank) VALUES ('secure-delete', 1);

CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  accession TEXT NOT NULL,
  report_id TEXT NOT NULL DEFAULT '',
  report_version INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL
    CHECK (state IN ('held', 'queued', 'sending', 'needs_attention', 'delivered', 'closed')),
  device TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  payload TEXT NOT NULL DEFAULT '',
  priority TEXT NOT NULL DEFAULT '',
  why TEXT NOT NULL DEFAULT '',
  choices TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,
  created_at TEXT NOT NULL,
  receipt TEXT,
  UNIQUE (device, sequence)
) STRICT;
CREATE INDEX outbox_open ON outbox (hub_id, accession, sequence) WHERE state NOT IN ('delivered', 'closed');

CREATE TABLE told (
  outbox_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  whom TEXT NOT NULL,
  at TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  PRIMARY KEY (outbox_id, recorded_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE claim (
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('wanted', 'held', 'lost', 'given_back')),
  since TEXT NOT NULL,
  version TEXT NOT NULL DEFAULT '',
  why TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (hub_id, task_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  hub_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  chain BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'audit is append-only'); END;

CREATE TABLE copy (
  id INTEGER PRIMARY KEY,
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  why TEXT NOT NULL,
  at TEXT NOT NULL,
  purged_at TEXT,
  purged_why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX copy_by_study ON copy (hub_id, study_uid);
