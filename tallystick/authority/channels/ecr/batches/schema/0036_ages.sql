-- What retention looks for, the oldest first.
CREATE INDEX head_report_age ON batches.head_report (received_at);
CREATE INDEX part_age ON batches.part (received_at);
