-- Studies that may not be purged, and what a purge receipt says.

CREATE TABLE legal_hold (
  id INTEGER PRIMARY KEY,
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  released_at TEXT,
  released_why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX legal_hold_now ON legal_hold (hub_id, study_uid) WHERE released_at IS NULL;

ALTER TABLE copy ADD COLUMN receipt TEXT NOT NULL DEFAULT '';
ALTER TABLE copy ADD COLUMN instances INTEGER NOT NULL DEFAULT 0;
ALTER TABLE copy ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
