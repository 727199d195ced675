-- A buyer's address or number is of no use once the receipt is sent, nor when nobody could send it for so long.
CREATE VIEW retention.deliveries WITH (security_invoker = true) AS
SELECT delivery_id, asked_at AS at, false AS held FROM ecr.delivery WHERE contact IS NOT NULL;
