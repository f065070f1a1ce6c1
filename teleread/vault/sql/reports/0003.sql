-- Looked up for each report that is sent, however many were sent before.

CREATE INDEX outbox_by_task ON outbox (hub_id, task_id);
CREATE INDEX outbox_by_report ON outbox (report_id);
