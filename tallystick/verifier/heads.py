"""Signed heads, those of the export and those that its user kept elsewhere: whose signature, whose witness."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import attrs

from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.verifier.breaks import Break, BreakCode, Report
from tallystick.verifier.hashes import sha256
from tallystick.verifier.policy import Policy
from tallystick.wire.ledger_export import Manifest
from tallystick.wire.signed_note import (
    NOTE_BYTES_MAX,
    TIME_BYTES,
    Checkpoint,
    KeyType,
    NoteKey,
    SignedNote,
    parse_checkpoint,
    parse_note,
    verify_note,
)


@attrs.frozen(slots=True, kw_only=True)
class SeenHead:
    """A head with a good signature. ``kept``: its user had it from elsewhere; ``cosigned_ms`` is 0 without witness."""

    source: str
    size: int
    root: bytes
    kept: bool
    signers: frozenset[NoteKey]
    cosigned_ms: int = 0


def read_heads(folder: Path, manifest: Manifest, kept: list[Path], policy: Policy, report: Report) -> list[SeenHead]:
    """All heads by size. One that is damaged or badly signed is a break and left out."""
    heads: list[SeenHead] = []
    for one in manifest.heads:
        try:
            data = _content(folder / one.name)
        except OSError as error:
            report(Break(BreakCode.DAMAGED, one.size, one.name, f"TS-3051 cannot be read: {error.strerror}"))
            continue
        if sha256(data).hex() != one.sha256:
            report(Break(BreakCode.DAMAGED, one.size, one.name, "TS-3051 another content than the manifest says"))
        _take(heads, data, one.name, False, manifest.origin, policy, report)
    for path in kept:
        try:
            data = _content(path)
        except OSError as error:
            raise Fault("TS-3050", detail=f"{path} cannot be read: {error.strerror}") from None
        _take(heads, data, str(path), True, manifest.origin, policy, report)
    heads.sort(key=lambda head: (head.size, head.kept))
    _compare_equals(heads, report)
    return heads


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(NOTE_BYTES_MAX + 1)


def _take(
    heads: list[SeenHead], data: bytes, name: str, kept: bool, origin: str, policy: Policy, report: Report
) -> None:
    size = -1
    try:
        note = parse_note(data)
        head = parse_checkpoint(note.text)
        size = head.size
        heads.append(_checked(note, head, name, kept, origin, policy))
    except Fault as fault:
        report(Break(BreakCode.HEAD_SIGNATURE, size, name, str(fault)))


def _checked(note: SignedNote, head: Checkpoint, name: str, kept: bool, origin: str, policy: Policy) -> SeenHead:
    if head.origin != origin:
        raise Fault("TS-1312", detail=f"a head of the log {head.origin}, the export is of {origin}")
    signers = verify_note(note, policy.keys, _check)
    logs = [key for key in signers if policy.speaks_for(key, origin, head.size)]
    if not logs:
        raise Fault("TS-1312", detail="not signed by a key of the log that the policy takes for this size")
    cosigned_ms = _cosigned_ms(note, signers)
    if all(cosigned_ms > policy.until.get(key, cosigned_ms) for key in logs):
        raise Fault("TS-1312", detail="witnesses saw it after the key that signed it had retired")
    return SeenHead(
        source=name,
        size=head.size,
        root=head.root,
        kept=kept,
        signers=frozenset(signers),
        cosigned_ms=cosigned_ms,
    )


def _cosigned_ms(note: SignedNote, signers: tuple[NoteKey, ...]) -> int:
    """The earliest time at which a witness of the policy saw this size."""
    ids = {(key.name, key.key_id) for key in signers if key.key_type is KeyType.COSIGNATURE}
    times = [
        int.from_bytes(line.signature[:TIME_BYTES], "big") * 1000
        for line in note.signatures
        if (line.name, line.key_id) in ids
    ]
    return min(times, default=0)


def _check(public_key: bytes, message: bytes, signature: bytes) -> None:
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


def _compare_equals(heads: list[SeenHead], report: Report) -> None:
    for one, other in pairwise(heads):
        if one.size == other.size and one.root != other.root:
            detail = f"{one.source} and {other.source} are signed by the same log"
            report(Break(BreakCode.TWO_HEADS, one.size, f"tree of {one.size}", detail))


def check_quorum(heads: list[SeenHead], size: int, policy: Policy, report: Report) -> int:
    """The largest size that the policy's witnesses confirm together; a break when that is not ``size``."""
    if not policy.wants_witnesses:
        return 0
    together: dict[tuple[int, bytes], set[NoteKey]] = {}
    for head in heads:
        together.setdefault((head.size, head.root), set()).update(head.signers)
    confirmed = max((size for (size, _), signers in together.items() if policy.is_enough(signers)), default=0)
    if confirmed < size:
        detail = f"the witnesses together confirm {confirmed} of {size} entries"
        report(Break(BreakCode.QUORUM, size, f"tree of {size}", detail))
    return confirmed
