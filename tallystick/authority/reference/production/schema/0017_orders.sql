-- One order has one batch that was not refused: what was refused, or found no second person, may be asked for anew.
ALTER TABLE production.batch DROP CONSTRAINT batch_order_hash_key;
CREATE UNIQUE INDEX batch_of_order ON production.batch (order_hash) WHERE state <> 'refused';
