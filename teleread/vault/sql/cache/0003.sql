-- A list in memory reads again what moved since, not every line of ten thousand.

ALTER TABLE worklist ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
CREATE INDEX worklist_moved ON worklist (moved);
CREATE TABLE worklist_move (
  number INTEGER NOT NULL,
  gone INTEGER NOT NULL
) STRICT;
INSERT INTO worklist_move VALUES (0, 0);
