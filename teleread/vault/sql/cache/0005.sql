-- What moved while this machine could not ask its hubs, until the reader has read it.

CREATE TABLE news (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hub_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  what TEXT NOT NULL,
  since TEXT NOT NULL,
  at TEXT NOT NULL,
  UNIQUE (hub_id, task_id, what)
) STRICT;
