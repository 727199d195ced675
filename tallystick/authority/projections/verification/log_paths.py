"""The public log over HTTP: checkpoint, tiles, and proofs of inclusion and consistency (C2SP tlog-tiles, RFC 6962)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import msgspec

from tallystick.authority.projections.verification.check import behind_gate
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kit.asgi import Answer
from tallystick.wire.day_seal import parse_day, write_day
from tallystick.wire.key_change import CHANGES_PATH
from tallystick.wire.tlog_proof import write_proof

_TEXT = "text/plain; charset=utf-8"
_FOR_EVER = (b"cache-control", b"max-age=31536000, immutable")
_DIGITS_MAX = 18
_DOCUMENT = "/proof/document/"
_DAY = "/proof/day/"
_CONSISTENCY = "/proof/consistency"

LogPath = Callable[[LedgerView], Answer]


def log_path(path: str, query: Mapping[str, str]) -> LogPath | None:
    """What answers a path of the log, blocking; none for any other path."""
    if path == "/checkpoint":
        return _checkpoint
    if path.startswith("/tile/"):
        return lambda ledger: _tile(ledger, path[1:])
    if path.startswith(_DOCUMENT):
        return lambda ledger: _proof(ledger, unquote(path.removeprefix(_DOCUMENT)))
    if path.startswith(_DAY):
        return lambda ledger: _day(ledger, parse_day(path.removeprefix(_DAY)))
    if path in _NOTES:
        return lambda ledger: _note(_NOTES[path](ledger))
    if path == _CONSISTENCY:
        return lambda ledger: _consistency(ledger, query)
    return None


def _checkpoint(ledger: LedgerView) -> Answer:
    note = ledger.checkpoint()
    if note is None:
        raise Fault("TS-4003", detail="no checkpoint is published yet")
    return Answer(200, note, _TEXT)


def _note(note: bytes | None) -> Answer:
    if note is None:
        raise Fault("TS-4003", detail="there is none yet")
    return Answer(200, note, _TEXT)


_NOTES: Mapping[str, Callable[[LedgerView], bytes | None]] = {
    "/checkpoint/cosigned": LedgerView.cosigned_checkpoint,
    "/witness-policy": LedgerView.witness_policy,
    f"/{CHANGES_PATH}": LedgerView.key_changes,
}


def _day(ledger: LedgerView, day: int) -> Answer:
    """The revisions of a day's seal, newest first: bytes, record, salt, and the proof that its leaf is in the log."""
    found = [
        {
            "revision": seal.revision,
            "index": seal.index,
            "seal": seal.body.decode(),
            "record": seal.record.decode(),
            "salt": base64.b64encode(seal.salt).decode("ascii"),
            "leaf": base64.b64encode(seal.leaf).decode("ascii"),
            "proof": write_proof(proof).decode(),
        }
        for seal, proof in ledger.day_seals(day)
    ]
    if not found:
        raise Fault("TS-4003", detail="this day is not sealed")
    return Answer(200, msgspec.json.encode({"day": write_day(day), "revisions": found}))


def _tile(ledger: LedgerView, path: str) -> Answer:
    tile = ledger.tile(path)
    if tile is None:
        raise Fault("TS-4003", detail="no such tile")
    return Answer(200, tile, "application/octet-stream", (_FOR_EVER,))


def _proof(ledger: LedgerView, identity: str) -> Answer:
    """By SDC invoice number or by index; what does not exist and what is not behind the gate look alike."""
    index = _index_of(ledger, identity) if "-" in identity else _number(identity)
    proof = ledger.proof_file(index) if index is not None else None
    if proof is None:
        raise Fault("TS-4003", detail="no such document")
    name = f'attachment; filename="{index}.tlog-proof"'
    return Answer(200, proof, _TEXT, ((b"content-disposition", name.encode()),))


def _index_of(ledger: LedgerView, identity: str) -> int | None:
    try:
        number = SdcInvoiceNumber.parse(identity)
    except Fault:
        return None
    document = behind_gate(ledger.document(number))
    return document.index if document is not None else None


def _consistency(ledger: LedgerView, query: Mapping[str, str]) -> Answer:
    hashes = ledger.consistency(_number(query.get("from", "")), _number(query.get("to", "")))
    return Answer(200, b"".join(base64.b64encode(node) + b"\n" for node in hashes), _TEXT)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Fault("TS-4003", detail="a number is expected")
    return int(text)
