"""The tamper catalogue: what an insider with full rights in the database may do, and which detectors must fire.

Data. ``must`` names the detectors that have to see it; others may. Where the insider also makes all keyless hashes fit
(``relinked``), signs the heads with the stolen checkpoint key (``resigned``), or reaches the second copy and what is
published (``mirror``, ``published``), that is said there: each step takes a detector away, and one must remain.
"""

from __future__ import annotations

from tallystick.simulation.tampering import deeds
from tallystick.simulation.tampering.deeds import (
    HOUR_MS,
    Deed,
    drop,
    edit_body,
    edit_record,
    halved,
    insert_copy,
    negated,
    rewrite_activity,
    statements,
)
from tallystick.simulation.tampering.manipulation import ALL_WAYS, Manipulation, one

_AMOUNT = (
    edit_body(deeds.halve_amount),
    edit_record(total=halved, day_amount=halved),
    deeds.fit_act,
)
_LAST = "SELECT log_index FROM ledger.leaves WHERE log_index >= %(tail)s"
_DEVICE = "SELECT log_index FROM ledger.records WHERE convert_from(record, 'UTF8')::jsonb ->> 'device' = %(device)s"
_DAY = "SELECT log_index FROM ledger.day_links WHERE day = %(day)s"
_TAXPAYER = "SELECT log_index FROM ledger.records WHERE convert_from(record, 'UTF8')::jsonb ->> 'taxpayer' = %(tin)s"
_VICTIM = "SELECT %(index)s::bigint AS log_index"
_IN_LEAVES = "UPDATE ledger.leaves SET {} WHERE log_index = %(index)s"


def _swap(*tables: str) -> Deed:
    return statements(
        *(
            f"UPDATE ledger.{table} SET log_index = {to} WHERE log_index = {place}"
            for table in tables
            for to, place in (("-1", "%(index)s"), ("%(index)s", "%(other)s"), ("%(other)s", "-1"))
        )
    )


CATALOGUE: tuple[Manipulation, ...] = (
    # --- amounts and contents ---
    one("amount", "change an amount in the body", edit_body(deeds.halve_amount), must="sweep, mirror, verifier"),
    one(
        "amount-rehashed",
        "change an amount and re-hash the row",
        edit_body(deeds.halve_amount, rehash=True),
        edit_record(total=halved, day_amount=halved),
        must="sweep, mirror, verifier",
    ),
    one("amount-relinked", "change an amount, make every keyless hash fit", *_AMOUNT, how="relinked",
         must="sweep, mirror, published, verifier, kept head, receipt"),
    one("amount-resigned", "the same, and sign all heads with the stolen key", *_AMOUNT, how="relinked resigned",
         must="mirror, published, verifier, kept head, witness, gossip, receipt"),
    one("amount-everywhere", "the same, and rewrite second copy and publication", *_AMOUNT, how=ALL_WAYS,
         must="verifier, kept head, witness, gossip, receipt"),
    one("item-dropped", "take an item out, which no card signs, everywhere", edit_body(deeds.drop_an_item),
         how=ALL_WAYS, must="verifier, kept head, witness, receipt"),
    one("goods-renamed", "sell other goods for the same money, everywhere", edit_body(deeds.rename_items),
         how=ALL_WAYS, must="kept head, witness, gossip, receipt"),
    one("signature-exchanged", "put another signature under a document, everywhere",
         edit_body(deeds.exchange_signature), how=ALL_WAYS, must="verifier, kept head, witness"),
    one("taxes-lowered", "halve the stated taxes, everywhere", edit_body(deeds.lower_taxes), how=ALL_WAYS,
         must="verifier, kept head, witness"),
    one("refund-made", "make a refund of a sale, everywhere", edit_body(deeds.to_refund),
         edit_record(type="257", day_amount=negated), how=ALL_WAYS, must="verifier, kept head, witness"),
    one("day-moved", "move a sale to another day, everywhere", edit_body(deeds.to_day_before), how=ALL_WAYS,
         must="verifier, kept head, witness"),
    # --- records ---
    one("record-total", "lower the total in the record only", edit_record(total=halved),
         must="sweep, mirror, verifier"),
    one("record-total-everywhere", "lower the recorded total and the day's, everywhere",
         edit_record(total=halved, day_amount=halved), how=ALL_WAYS, must="verifier, kept head, witness"),
    one("record-taxes-everywhere", "lower the recorded taxes, everywhere",
         edit_record(tax_totals=lambda _: {"1": "1"}), how=ALL_WAYS,  # type: ignore[arg-type,return-value]
         must="verifier, kept head, witness"),
    one("record-taxpayer", "book a sale to another taxpayer, everywhere", edit_record(taxpayer="999999999"),
         statements(*(f"UPDATE ledger.{table} SET tin = '999999999' WHERE log_index = %(index)s"
                      for table in ("leaves", "records", "bodies"))), how=ALL_WAYS,
         must="verifier, kept head, witness"),
    one("record-time", "move the time of signing in the record by an hour, everywhere",
         edit_record(issued_at=lambda value: str(int(value) - HOUR_MS)), how=ALL_WAYS,
         must="verifier, kept head, witness"),
    one("record-counter", "give the document another number, everywhere", edit_record(se_total="800001"),
         how=ALL_WAYS, must="verifier, kept head, witness, receipt"),
    one("flag-cleared", "wash a flag out of a record, everywhere",
         edit_record(flags=[], verdict="70", leaf_flags=""), how=ALL_WAYS,  # type: ignore[arg-type]
         must="kept head, witness, gossip, receipt"),
    one("salt-changed", "exchange the salt, so that the record cannot be opened",
         statements("UPDATE ledger.records SET salt = decode(repeat('00', 32), 'hex') WHERE log_index = %(index)s"),
         must="sweep, mirror, verifier"),
    one("taxpayer-salt", "exchange the salt that opens a taxpayer's sequence",
         statements("UPDATE ledger.taxpayer_heads SET salt = decode(repeat('00', 32), 'hex') WHERE tin = %(tin)s"),
         must="sweep, verifier"),
    one("verdict", "change the verdict that the device was given",
         statements("UPDATE ledger.identity SET verdict = 69 WHERE log_index = %(index)s"), must="sweep"),
    one("body-erased", "erase a body without an entry that says so",
         statements("DELETE FROM ledger.bodies WHERE log_index = %(index)s"), must="sweep, mirror, verifier"),
    one("record-erased", "erase a record", statements("DELETE FROM ledger.records WHERE log_index = %(index)s"),
         must="sweep, mirror, verifier"),
    # --- deletion ---
    one("one-dropped", "drop one document from every table", drop(_VICTIM), must="sweep, mirror, receipt"),
    one("one-dropped-relinked", "drop one, make every keyless hash fit", drop(_VICTIM), how="relinked",
         must="sweep, mirror, published, verifier, kept head, receipt"),
    one("one-dropped-resigned", "drop one, rebuild the log, sign it with the stolen key", drop(_VICTIM),
         how="relinked resigned", must="mirror, published, kept head, witness, receipt"),
    one("one-dropped-everywhere", "the same, and rewrite second copy and publication", drop(_VICTIM), how=ALL_WAYS,
         must="kept head, witness, receipt"),
    one("tail-dropped", "drop the last rows", drop(_LAST), must="sweep, mirror, device"),
    one("tail-dropped-relinked", "drop the last rows, and their heads", drop(_LAST), how="relinked",
         must="sweep, mirror, published, verifier, device"),
    one("tail-dropped-everywhere", "the same, signed with the stolen key, everywhere", drop(_LAST), how=ALL_WAYS,
         must="kept head, witness, device"),
    one("device-dropped", "drop a device with all it sold", drop(_DEVICE),
         statements("DELETE FROM ledger.device_heads WHERE requested_by || '-' || signed_by = %(device)s"),
         must="sweep, mirror, registry, device, receipt"),
    one("device-dropped-everywhere", "a device never existed: log, heads, registry, everywhere", drop(_DEVICE),
         statements("DELETE FROM registry.secure_element WHERE uid = split_part(%(device)s, '-', 2)"), how=ALL_WAYS,
         must="kept head, witness, device, receipt"),
    one("day-dropped", "drop a day", drop(_DAY), must="sweep, mirror, receipt"),
    one("day-dropped-relinked", "drop a day, make every keyless hash fit", drop(_DAY), how="relinked",
         must="sweep, mirror, published, verifier, receipt"),
    one("day-dropped-everywhere", "drop a day, everywhere, with the stolen key", drop(_DAY), how=ALL_WAYS,
         must="kept head, witness, receipt"),
    one("taxpayer-dropped-everywhere", "drop a taxpayer, everywhere, with the stolen key", drop(_TAXPAYER),
         how=ALL_WAYS, must="kept head, witness, device, receipt, registry"),
    # --- order and insertion ---
    one("swapped", "exchange two documents of a device",
         _swap(*deeds.ALL_OF_AN_ENTRY), must="sweep, mirror, verifier, receipt"),
    one("swapped-relinked", "exchange two documents, make every keyless hash fit",
         _swap("leaves", "records", "bodies"), how="relinked",
         must="sweep, mirror, published, verifier, kept head, receipt"),
    one("swapped-everywhere", "exchange two documents, everywhere, with the stolen key",
         _swap("leaves", "records", "bodies"), how=ALL_WAYS, must="kept head, witness, receipt"),
    one("inserted-old", "insert a document with an old date into the middle, everywhere",
         insert_copy(at="index", edit=deeds.next_ordinal, se_total="900001", act_hash="00" * 32), how=ALL_WAYS,
         must="verifier, kept head, witness, receipt"),
    one("inserted-late", "append a document and pretend that it came in long ago, everywhere",
         insert_copy(at="size", edit=deeds.next_ordinal, se_total="900001", act_hash="00" * 32,
                     received_at=lambda value: str(int(value) - 240 * HOUR_MS)), how=ALL_WAYS,
         must="verifier, kept head"),
    one("booked-twice", "book one document a second time, everywhere",
         statements("DROP INDEX ledger.identity_number", "ALTER TABLE ledger.identity DROP CONSTRAINT identity_act"),
         insert_copy(at="size", edit=deeds.same_again, act_hash="11" * 32, received_at=lambda value: value),
         how=ALL_WAYS, must="verifier"),
    one("clock-stopped", "let the newest entries claim that they came in days ago, everywhere",
         edit_record("late", received_at=lambda value: str(int(value) - 240 * HOUR_MS)), how=ALL_WAYS,
         must="kept head, witness"),
    # --- numbers, heads and totals ---
    one("hole-hidden", "pretend that missing numbers have arrived",
         statements("INSERT INTO ledger.holes SELECT signed_by, requested_by, 700000, 600000 FROM ledger.device_heads "
                    "WHERE requested_by || '-' || signed_by = %(device)s"), must="sweep"),
    one("day-total", "lower a day's total",
         statements("UPDATE ledger.day_heads SET total = total - 10000 WHERE day = %(day)s"), must="sweep"),
    one("day-total-in-link", "lower a running total inside of the day",
         statements("UPDATE ledger.day_links SET total = total - 10000 WHERE log_index = %(index)s"), must="sweep"),
    one("taxpayer-total", "lower a taxpayer's total",
         statements("UPDATE ledger.taxpayer_heads SET total = total - 10000 WHERE tin = %(tin)s"), must="sweep"),
    one("device-head", "set a device's sequence back",
         statements("UPDATE ledger.device_heads SET seq = seq - 1 WHERE requested_by || '-' || signed_by = %(device)s"),
         must="sweep"),
    one("link", "change a link of the taxpayer's sequence",
         statements("UPDATE ledger.taxpayer_links SET link = set_byte(link, 3, get_byte(link, 3) # 1) "
                    "WHERE log_index = %(index)s"), must="sweep"),
    # --- the tree ---
    one("leaf", "change a public leaf",
         statements(_IN_LEAVES.format("leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)")),
         must="sweep, mirror, verifier, receipt"),
    one("leaf-kind", "make an event of a document",
         statements(_IN_LEAVES.format("leaf = set_byte(leaf, 4, 3)")), must="sweep, mirror, verifier, receipt"),
    one("leaf-dropped", "drop a leaf", statements("DELETE FROM ledger.leaves WHERE log_index = %(index)s"),
         must="sweep, verifier, receipt"),
    one("tree-state", "exchange a root among the states of the tree",
         statements("UPDATE ledger.tree_state SET root = decode(repeat('ab', 32), 'hex') WHERE batch = "
                    "(SELECT min(batch) + 1 FROM ledger.tree_state)"), must="sweep"),
    one("head-dropped", "drop the newest signed heads",
         statements("DELETE FROM ledger.checkpoints WHERE tree_size > %(tail)s"),
         must="kept head, witness"),
    one("head-own-key", "sign the newest head with a key of his own", deeds.sign_with_own_key,
         must="sweep, verifier, witness, gossip"),
    one("two-histories", "show another history of the same length to a second reader", deeds.another_head,
         must="gossip"),
    # --- what lies beside ---
    one("mirror-changed", "change a byte of the second copy", deeds.damage_mirror, must="mirror"),
    one("mirror-emptied", "empty the second copy", deeds.remove_mirror, must="mirror"),
    one("published-exchanged", "publish a head of his own making", deeds.publish_older, must="published"),
    # --- backups ---
    one("backup-tables", "restore last week's backup of the tables", drop(_LAST), how="relinked resigned",
         must="mirror, published, kept head, witness, device"),
    one("backup-all", "restore last week's backup of everything, and sell on", drop(_LAST),
         statements("DELETE FROM activity.entry WHERE seq > 3", "UPDATE activity.head SET seq = 3, link = "
                    "(SELECT link FROM activity.entry WHERE seq = 3)"), how=ALL_WAYS,
         must="kept head, witness, device, activity"),
    # --- the registry ---
    one("registry-row", "a device never existed: drop it from the registry",
         statements("DELETE FROM registry.secure_element WHERE uid = split_part(%(device)s, '-', 2)"), must="registry"),
    one("registry-taxpayer", "give a device to another taxpayer in the registry",
         statements("UPDATE registry.secure_element SET tin = '999999999' WHERE uid = split_part(%(device)s, '-', 2)"),
         must="registry"),
    one("registry-certificate", "exchange a certificate in the registry",
         statements("UPDATE registry.secure_element SET certificate_hash = decode(repeat('cd', 32), 'hex') "
                    "WHERE uid = split_part(%(device)s, '-', 2)"), must="registry"),
    one("registry-revoked", "revoke a device backdated, so that its sales look unlawful",
         statements("UPDATE registry.secure_element SET state = 'revoked', revoked_at = to_timestamp((SELECT "
                    "(convert_from(record, 'UTF8')::jsonb ->> 'issued_at')::bigint FROM ledger.records WHERE "
                    "log_index = %(index)s) / 1000.0) - interval '1 day' WHERE uid = split_part(%(device)s, '-', 2)"),
         must="registry"),
    one("registry-added", "slip a device into the registry that the log never registered",
         statements("INSERT INTO registry.secure_element (uid, tin, business_name, location_name, address, district, "
                    "city, country, certificate, certificate_hash, not_before, not_after, environment_x, environment_y"
                    ", encryption_key, limit_amount, registration_index) SELECT 'GHOST001', tin, business_name, "
                    "location_name, address, district, city, country, certificate, decode(repeat('ef', 32), 'hex'), "
                    "not_before, not_after, environment_x, environment_y, encryption_key, limit_amount, "
                    "%(index)s FROM registry.secure_element WHERE uid = split_part(%(device)s, '-', 2)"),
         must="registry"),
    one("registration-forged", "exchange the certificate in a device's registration, everywhere",
         statements("UPDATE ledger.bodies SET body = convert_to(replace(convert_from(body, 'UTF8'), "
                    "'\"tin\":\"' || %(tin)s, '\"tin\":\"7' || %(tin)s), 'UTF8') WHERE log_index IN (SELECT "
                    "registration_index FROM ledger.device_heads WHERE requested_by || '-' || signed_by = %(device)s)"),
         how=ALL_WAYS, must="registry, kept head, witness, receipt"),
    # --- the log of who did what ---
    one("act-dropped", "drop the newest acts and set the head back", rewrite_activity(drop_newest=2), must="activity"),
    one("act-forged", "put another officer into an act, every link made to fit", rewrite_activity(forge_at=2),
         must="activity"),
    one("act-changed", "change who did it, in the columns only",
         statements("UPDATE activity.entry SET actor = 'officer:somebody' WHERE seq = 2"), must="activity"),
    one("act-in-the-middle", "drop an act in the middle", statements("DELETE FROM activity.entry WHERE seq = 2"),
         must="activity"),
)  # fmt: skip
"""All manipulations, by what they touch."""
