-- What a draft is for, where `kind` alone does not say it: correction, withdrawal, opinion.
-- And signatures a report carries besides its own, made while the key was open: in DICOM, in PDF, by a time server.

ALTER TABLE draft ADD COLUMN act TEXT NOT NULL DEFAULT ''
  CHECK (act IN ('', 'correction', 'withdrawal', 'opinion'));

CREATE TABLE seal (
  report_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  form TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (report_id, version, form)
) STRICT;
CREATE TRIGGER seal_stays BEFORE UPDATE ON seal
BEGIN SELECT raise(ABORT, 'seal is append-only'); END;
