"""What a witness does: look at a checkpoint in the order of C2SP tlog-witness, and cosign it or refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import InvalidProof, verify_consistency
from tallystick.wire.signed_note import (
    Check,
    Checkpoint,
    NoteKey,
    Sign,
    SignedNote,
    cosign_note,
    parse_checkpoint,
    parse_note,
    verify_note,
    write_note,
)
from tallystick.wire.witness_request import AddCheckpoint, parse_add_checkpoint
from tallystick.witness.store import Head, WitnessStore


class NotTheNewest(Exception):
    """The request does not build on what was cosigned last (``TS-3045``): another size, or another root of it."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@attrs.frozen(kw_only=True)
class Witness:
    """A witness: its key with the way to sign, the way to check logs, its store, and the clock."""

    key: NoteKey
    sign: Sign
    check: Check
    store: WitnessStore
    clock: Callable[[], datetime]

    def add_checkpoint(self, body: bytes) -> bytes:
        """Cosign the checkpoint of a request; returns the signature line once the new head is on the disk.

        Raises ``TS-3047`` (form, or old size beyond the checkpoint's), ``TS-3043`` (log unknown), ``TS-3044``
        (signature), ``NotTheNewest``, and ``TS-3046`` (proof).
        """
        request = parse_add_checkpoint(body)
        note, checkpoint = self._proven(request)
        if request.old_size > checkpoint.size:
            raise Fault("TS-3047", detail="the old size is beyond that of the checkpoint")
        now = int(self.clock().timestamp())
        line = cosign_note(note.text, self.key, now, self.sign)
        new = Head(checkpoint.size, checkpoint.root, write_note(SignedNote(note.text, (*note.signatures, line))), now)
        with self.store.deciding():
            held = self.store.head(checkpoint.origin)
            refused = _refusal(request, held, checkpoint)
            if refused is None:
                self.store.move_head(checkpoint.origin, held, new)
            elif _contradicts(refused, held, checkpoint):
                self.store.keep_offence(checkpoint.origin, now, _code(refused), held.note, request.note)
        if refused is not None:
            raise refused
        return f"{line.line}\n".encode()

    def _proven(self, request: AddCheckpoint) -> tuple[SignedNote, Checkpoint]:
        """The checkpoint with those of its signatures that the log's keys made; others are left out."""
        try:
            note = parse_note(request.note)
            checkpoint = parse_checkpoint(note.text, extensions=True)
        except Fault as fault:
            raise Fault("TS-3047", detail=fault.detail) from None
        keys = self.store.keys_of(checkpoint.origin)
        if not keys:
            raise Fault("TS-3043", detail="no key of this log is trusted here")
        try:
            signers = verify_note(note, keys, self.check)
        except Fault as fault:
            raise Fault("TS-3044", detail=fault.detail) from None
        ids = {(key.name, key.key_id) for key in signers}
        kept = tuple(line for line in note.signatures if (line.name, line.key_id) in ids)
        return SignedNote(note.text, kept), checkpoint


def _refusal(request: AddCheckpoint, held: Head, offered: Checkpoint) -> NotTheNewest | Fault | None:
    """Why the checkpoint is not cosigned; none where it only appends to what was."""
    if request.old_size != held.size:
        return NotTheNewest(held.size)
    if offered.size == held.size and offered.root != held.root:
        return NotTheNewest(held.size)
    try:
        verify_consistency(held.size, held.root, offered.size, offered.root, request.proof)
    except InvalidProof as error:
        return Fault("TS-3046", detail=str(error))
    return None


def _contradicts(refused: NotTheNewest | Fault, held: Head, offered: Checkpoint) -> bool:
    """Whether the refusal is worth keeping: one size with two roots is proof, a proof that fails is a suspicion.

    A smaller tree alone is neither: anybody can send an old checkpoint again.
    """
    if not held.note:
        return False
    return isinstance(refused, Fault) or (offered.size == held.size and offered.root != held.root)


def _code(refused: NotTheNewest | Fault) -> str:
    return refused.code if isinstance(refused, Fault) else "TS-3045"
