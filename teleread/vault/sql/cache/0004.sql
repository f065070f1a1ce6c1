-- What a pull asks of the list in every pass: the first cases nobody holds, however many have ended.

CREATE INDEX worklist_free ON worklist (hub_id, priority_rank, due)
  WHERE owner = '' AND status IN ('requested', 'received', 'accepted', 'ready');
