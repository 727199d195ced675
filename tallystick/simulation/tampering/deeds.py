"""What an insider does with his hands: statements on a copy, and edits of one document's body or record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg

from tallystick.kernel.hashing import activity_genesis, activity_link, sha256
from tallystick.simulation.tampering.scene import Connection, Scene
from tallystick.verifier.invoices import read_tolerantly

Deed = Callable[[Scene], None]

ALL_OF_AN_ENTRY = (
    "leaves", "records", "bodies", "identity", "device_links", "taxpayer_links", "type_links", "day_links",
)  # fmt: skip
HOUR_MS = 3_600_000
FORGED_ACTOR = "officer:somebody"


def statements(*texts: str) -> Deed:
    """Run statements; ``%(name)s`` stands for what the victim is called there."""

    def act(scene: Scene) -> None:
        with scene.hands_on() as connection:
            for text in texts:
                connection.execute(text.encode(), scene.victim.parameters)

    return act


def drop(which: str) -> Deed:
    """Delete entries from every table; ``which`` is a query for their indexes."""
    return statements(
        f"CREATE TEMPORARY TABLE dropped ON COMMIT DROP AS {which}",
        *(f"DELETE FROM ledger.{table} WHERE log_index IN (TABLE dropped)" for table in ALL_OF_AN_ENTRY),
    )


def edit_record(place: str = "index", **changes: str | Callable[[str], str]) -> Deed:
    """Change members of a record; a function is given the value that stands there."""

    def act(scene: Scene) -> None:
        with scene.hands_on() as connection:
            _edit_record(connection, getattr(scene.victim, place), changes)

    return act


def _edit_record(connection: Connection, index: int, changes: dict[str, Any]) -> None:
    row = connection.execute("SELECT record FROM ledger.records WHERE log_index = %s", [index]).fetchone()
    assert row is not None
    record = json.loads(row[0])
    for name, change in changes.items():
        record[name] = change(record.get(name, "0")) if callable(change) else change
        if record[name] in ("", [], {}):
            del record[name]
    data = json.dumps(record, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    connection.execute("UPDATE ledger.records SET record = %s WHERE log_index = %s", [data, index])


def edit_body(change: Callable[[dict[str, Any]], None], *, rehash: bool = False) -> Deed:
    """Change the victim's body; ``rehash`` also every copy of its hash in its own rows."""

    def act(scene: Scene) -> None:
        index = scene.victim.index
        with scene.hands_on() as connection:
            row = connection.execute("SELECT body FROM ledger.bodies WHERE log_index = %s", [index]).fetchone()
            assert row is not None
            body = json.loads(row[0])
            change(body)
            data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
            connection.execute("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", [data, index])
            if rehash:
                _rehash(connection, index, sha256(data))

    return act


def _rehash(connection: Connection, index: int, digest: bytes) -> None:
    _edit_record(connection, index, {"body_hash": digest.hex()})
    for table in ("identity", "device_links", "taxpayer_links", "type_links", "day_links"):
        connection.execute(f"UPDATE ledger.{table} SET body_hash = %s WHERE log_index = %s".encode(), [digest, index])


def halve_amount(body: dict[str, Any]) -> None:
    """Half of the turnover goes into another pocket: items and total."""
    for item in body["request"]["items"]:
        item["totalAmount"] = round(item["totalAmount"] / 2, 2)
        item["unitPrice"] = round(item["unitPrice"] / 2, 2)
    body["result"]["totalAmount"] = round(sum(item["totalAmount"] for item in body["request"]["items"]), 2)


def drop_an_item(body: dict[str, Any]) -> None:
    """An item that the card did not sign goes; what it did sign stays."""
    body["request"]["items"].pop()


def rename_items(body: dict[str, Any]) -> None:
    """Other goods for the same money: nothing that the card signed changes."""
    for item in body["request"]["items"]:
        item["name"] = "Various"


def to_refund(body: dict[str, Any]) -> None:
    """A sale becomes a refund."""
    body["request"]["transactionType"] = "Refund"


def lower_taxes(body: dict[str, Any]) -> None:
    """The stated taxes are halved, which no card signs."""
    for tax in body["result"]["taxItems"]:
        tax["amount"] = round(tax["amount"] / 2, 4)


def to_day_before(body: dict[str, Any]) -> None:
    """The sale happened yesterday."""
    stated = body["result"]["sdcDateTime"]
    day = int(stated[8:10])
    body["result"]["sdcDateTime"] = f"{stated[:8]}{day - 1 if day > 1 else day + 1:02d}{stated[10:]}"


def exchange_signature(body: dict[str, Any]) -> None:
    """Another signature under the same words."""
    signature = body["result"]["signature"]
    body["result"]["signature"] = ("B" if signature[0] == "A" else "A") + signature[1:]


def fit_act(scene: Scene) -> None:
    """Make the record name the act that the changed body would be, had anybody signed it."""
    index = scene.victim.index
    with scene.hands_on() as connection:
        row = connection.execute("SELECT body FROM ledger.bodies WHERE log_index = %s", [index]).fetchone()
        said = read_tolerantly(row[0] if row else b"")
        act_hash = sha256(said.signed_text(scene.victim.tin)).hex()
        _edit_record(connection, index, {"act_hash": act_hash})


def halved(value: str) -> str:
    """Half of an amount in a record."""
    return str(int(value) // 2)


def negated(value: str) -> str:
    """The other sign."""
    return str(-int(value))


def renumber_up(connection: Connection, start: int) -> None:
    """Make room for one more entry at ``start``, in the three tables that all else is rebuilt from."""
    for table in ("leaves", "records", "bodies"):
        name = f"ledger.{table}"
        connection.execute(f"UPDATE {name} SET log_index = -log_index - 1 WHERE log_index >= {start}".encode())
        connection.execute(f"UPDATE {name} SET log_index = -log_index WHERE log_index < 0".encode())


def insert_copy(*, at: str, edit: Callable[[dict[str, Any]], None], **changes: str | Callable[[str], str]) -> Deed:
    """Insert a document that nobody issued, made from the victim's, at ``index`` (the middle) or ``size`` (the end)."""

    def act(scene: Scene) -> None:
        source, place = scene.victim.index, getattr(scene.victim, at)
        with scene.hands_on() as connection:
            if place < scene.victim.size:
                renumber_up(connection, place + 1)
                place += 1
            for table, columns in (
                ("leaves", "leaf, month, tin"),
                ("records", "month, tin, salt, record"),
                ("bodies", "month, tin, media_type, body"),
            ):
                connection.execute(
                    f"INSERT INTO ledger.{table} (log_index, {columns}) SELECT {place}, {columns} "
                    f"FROM ledger.{table} WHERE log_index = {source}".encode()
                )
            row = connection.execute("SELECT body FROM ledger.bodies WHERE log_index = %s", [place]).fetchone()
            assert row is not None
            body = json.loads(row[0])
            edit(body)
            data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
            connection.execute("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", [data, place])
            _edit_record(connection, place, changes)
            if place == scene.victim.size:  # the newest batch has one more
                connection.execute("UPDATE ledger.tree_state SET tree_size = tree_size + 1 WHERE batch = "
                                   "(SELECT max(batch) FROM ledger.tree_state)")  # fmt: skip

    return act


def next_ordinal(body: dict[str, Any]) -> None:
    """A number that the card never gave."""
    result = body["result"]
    result["totalCounter"] = 900_001
    result["invoiceNumber"] = f"{result['requestedBy']}-{result['signedBy']}-900001"


def same_again(body: dict[str, Any]) -> None:
    """Nothing changes: the same document once more."""


def another_head(scene: Scene) -> None:
    """Sign another history of the same length with the stolen key, and show it to a second reader only."""
    with psycopg.connect(scene.dsn) as connection:
        row = connection.execute("SELECT max(tree_size) FROM ledger.checkpoints").fetchone()
    assert row is not None
    scene.shown = scene.keys.head(row[0], sha256(b"another history"))


def sign_with_own_key(scene: Scene) -> None:
    """The newest head is signed with a key that he made himself."""
    with scene.hands_on() as connection:
        row = connection.execute("SELECT tree_size, root FROM ledger.tree_state ORDER BY batch DESC LIMIT 1").fetchone()
        assert row is not None
        note = scene.keys.head(row[0], row[1], key=scene.keys.stranger)
        connection.execute("UPDATE ledger.checkpoints SET note = %s WHERE tree_size = %s", [note, row[0]])


def damage_mirror(scene: Scene) -> None:
    """One byte of the second copy changes."""
    path = max(scene.mirror.glob("*.seg"), key=lambda one: one.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def remove_mirror(scene: Scene) -> None:
    """The second copy is emptied."""
    for path in scene.mirror.glob("*.seg"):
        path.unlink()


def publish_older(scene: Scene) -> None:
    """What is published is exchanged for a head that he signs with his own root."""
    path = scene.tiles / "checkpoint"
    size = scene.victim.index + 1
    path.unlink()
    path.write_bytes(scene.keys.head(size, sha256(b"other")))


def rewrite_activity(*, drop_newest: int = 0, forge_at: int = 0) -> Deed:
    """Rewrite the activity log from an act on, every link and the head made to fit."""

    def act(scene: Scene) -> None:
        with scene.hands_on() as connection:
            rows = connection.execute("SELECT seq, body FROM activity.entry ORDER BY seq").fetchall()
            kept = rows[: len(rows) - drop_newest] if drop_newest else rows
            link = activity_genesis()
            connection.execute("DELETE FROM activity.entry WHERE seq > %s", [len(kept)])
            for seq, body in kept:
                if seq == forge_at:
                    act = json.loads(body) | {"actor": FORGED_ACTOR}
                    body = json.dumps(act, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
                    connection.execute("UPDATE activity.entry SET actor = %s WHERE seq = %s", [FORGED_ACTOR, seq])
                link = activity_link(link, seq, body)
                connection.execute("UPDATE activity.entry SET body = %s, link = %s WHERE seq = %s", [body, link, seq])
            connection.execute("UPDATE activity.head SET seq = %s, link = %s", [len(kept), link])

    return act
