-- Keys whose acts were refused: each refusal may leave one, so they go as soon as it is certain that nothing was booked.
CREATE INDEX act_key_let_go ON erp.act_key (taken_at) WHERE let_go;
