-- The pages' role sees and writes what belongs to the person before it: a page that forgets to ask whose a row is gets
-- nothing. The room says who that is at the start of each transaction (`store.acting`); unsaid is an error, not an empty
-- list. The worker judges for all taxpayers, and the owner serves nobody.
ALTER TABLE media.upload ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.upload FORCE ROW LEVEL SECURITY;
CREATE POLICY for_all ON media.upload TO tallystick_intake, CURRENT_USER USING (true);
CREATE POLICY own_uploads ON media.upload TO tallystick_portal USING (
    user_id = current_setting('tallystick.user')::bigint
);

ALTER TABLE media.upload_file ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.upload_file FORCE ROW LEVEL SECURITY;
CREATE POLICY for_all ON media.upload_file TO tallystick_intake, CURRENT_USER USING (true);
CREATE POLICY own_files ON media.upload_file TO tallystick_portal USING (
    upload_id IN (SELECT upload_id FROM media.upload WHERE user_id = current_setting('tallystick.user')::bigint)
);
-- What somebody else handed in for the same taxpayer was accepted before. '*' is an officer, who may hand in for any.
CREATE POLICY files_of_taxpayers ON media.upload_file FOR SELECT TO tallystick_portal USING (
    tin = ANY (current_setting('tallystick.taxpayers')::text[])
    OR '*' = ANY (current_setting('tallystick.taxpayers')::text[])
);
