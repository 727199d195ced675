"""The write-once memory of offline registers: all that a register signs stands here before anybody is told of it.

Carries S0-031 and the memory's half of S0-087: records are chained, counted, sealed by the device's key and anchored
in the answers of the operator; what is written can be read and never changed. Owns the files of one memory
(``worm-000001.seg`` and on, ``worm.counter``, ``worm.key``) and nothing else.

Use::

    begin_memory(folder, uid)                       # once, when the register is put into service
    memory = open_memory(folder, uid, now)          # finds the head; cuts what a power cut tore, and records the cut
    memory.note(Note(kind=NoteKind.POWER_UP, before_ms=...), now)
    seq = memory.append(RecordKind.DOCUMENT, compact_jws, now)    # durable when it returns
    if memory.state.seal_due:                       # also after each Z-report and before each synchronisation
        memory.seal(card_counter, sign, now)        # sign: text -> 64 bytes, ES256 by the device's key
    memory.anchor(Anchor(...), now)                 # the operator's answer, as the next record
    memory.head, memory.state, memory.read(seq), memory.records(from_seq)
    memory.close_for_ever(document, card_counter, sign, now)      # irrevocable
    memory.release()                                # lets go of the files; may be opened again

What hardware must offer is `WriteOnceMemory`; `FileMemory` is its simulation, and says so. The bytes stand in
``docs/guides/worm-memory.md``.
"""

from __future__ import annotations

from tallystick.device.worm.file_memory import CAPACITY, FileMemory
from tallystick.device.worm.files import begin_memory, open_memory
from tallystick.device.worm.port import Capacity, Head, Passport, Sign, State, WriteOnceMemory
from tallystick.wire.worm import Record, RecordKind
from tallystick.wire.worm_contents import Anchor, Note, NoteKind, Seal, SealStatement, SignedHead

__all__ = [
    "CAPACITY",
    "Anchor",
    "Capacity",
    "FileMemory",
    "Head",
    "Note",
    "NoteKind",
    "Passport",
    "Record",
    "RecordKind",
    "Seal",
    "SealStatement",
    "Sign",
    "SignedHead",
    "State",
    "WriteOnceMemory",
    "begin_memory",
    "open_memory",
]
