-- What a reader leaves on pictures: measurements and key images.

CREATE TABLE picture_mark (
  id TEXT PRIMARY KEY,
  hub_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  at TEXT NOT NULL,
  content TEXT NOT NULL
) STRICT;
CREATE INDEX picture_mark_of ON picture_mark (hub_id, study_uid, at);
