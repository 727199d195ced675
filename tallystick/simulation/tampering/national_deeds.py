"""What an insider does to documents of the national channels: he can change their words, and cannot sign them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import attrs

from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.signatures import sign_es256
from tallystick.kernel.hashing import device_link, sha256
from tallystick.simulation.tampering.deeds import Deed, drop, edit_record
from tallystick.simulation.tampering.scene import Connection, Scene
from tallystick.wire.document_jws import read_signed, write_signed

THE_RECEIPT = "SELECT %(index)s::bigint AS log_index"
THE_REFUND = "SELECT %(refund)s::bigint AS log_index"
THE_CLOSING = "SELECT %(closing)s::bigint AS log_index"
_BEHIND = (
    "SELECT d.log_index, b.body FROM ledger.device_links d JOIN ledger.bodies b ON b.log_index = d.log_index "
    "WHERE d.requested_by || '-' || d.signed_by = %(device)s AND d.log_index > %(index)s ORDER BY d.seq"
)


def edit_payload(place: str, change: Callable[[dict[str, Any]], None]) -> Deed:
    """Change what a document says, under the signature that it has, and let the record name the act of that."""

    def act(scene: Scene) -> None:
        index = getattr(scene.victim, place)
        with scene.hands_on() as connection:
            body = _body(connection, index)
            header, payload, signature = body.split(b".")
            said = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
            change(said)
            text = json.dumps(said, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
            signing_input = header + b"." + urlsafe_b64encode(text).rstrip(b"=")
            _write(connection, index, signing_input + b"." + signature)
        edit_record(place, act_hash=sha256(signing_input).hex())(scene)

    return act


def drop_and_sign_again(scene: Scene) -> None:
    """Drop a receipt and sign all that the device made after it anew, each in its new place; with a key of his own,
    for the device's own never leaves it."""
    drop(THE_RECEIPT)(scene)
    key = generate_p256_key()
    with scene.hands_on() as connection:
        row = connection.execute(
            "SELECT d.seq, d.link FROM ledger.device_links d WHERE d.requested_by || '-' || d.signed_by = %(device)s "
            "AND d.log_index < %(index)s ORDER BY d.seq DESC LIMIT 1",
            scene.victim.parameters,
        ).fetchone()
        assert row is not None, "a victim is never a device's first document"
        sequence, link = row
        acts: dict[int, dict[str, str]] = {}
        for index, body in connection.execute(_BEHIND, scene.victim.parameters).fetchall():
            signed, sequence = read_signed(body), sequence + 1
            header = attrs.evolve(signed.header, sequence=sequence, previous=link)
            forged = write_signed(header, signed.payload, lambda text: sign_es256(key, text))
            _write(connection, index, forged)
            acts[index] = {"act_hash": read_signed(forged).act_hash.hex(), "se_total": str(sequence)}
            link = device_link(link, sequence, sha256(forged))
    for index, changes in acts.items():
        again = attrs.evolve(scene, victim=attrs.evolve(scene.victim, late=index))
        edit_record("late", **changes)(again)


def lower_total(said: dict[str, Any]) -> None:
    """A tenth of what was sold."""
    for part in (*said["items"], {}):
        part["total"] = "0.09"
    said["total"] = said["payments"][0]["amount"] = "0.09"


def lower_report(said: dict[str, Any]) -> None:
    """One sale less in the closing report."""
    said["totals"]["sales"]["count"] = str(int(said["totals"]["sales"]["count"]) - 1)


def _body(connection: Connection, index: int) -> bytes:
    row = connection.execute("SELECT body FROM ledger.bodies WHERE log_index = %s", [index]).fetchone()
    assert row is not None
    return bytes(row[0])


def _write(connection: Connection, index: int, body: bytes) -> None:
    connection.execute("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", [body, index])
