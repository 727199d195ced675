"""Dumps of fiscal memories: a healthy one, and ones of our own making with right links and whatever in them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from worm_bench import DEVICE, NOW, UID, sell, sign
from worm_power import Image, RecordingDisk

from tallystick.crypto.certificates import DeviceCertificate
from tallystick.crypto.keys import PublicKey, generate_p256_key
from tallystick.device.worm import CAPACITY, Anchor, FileMemory, Note, NoteKind, RecordKind
from tallystick.device.worm.breaks import DumpOutcome, WormBreak
from tallystick.device.worm.breaks import WormBreakCode as Code
from tallystick.device.worm.counter import COUNTER_NAME
from tallystick.device.worm.dump import verify_dump
from tallystick.device.worm.segment_writer import Layout
from tallystick.wire.worm import HEADER_BYTES, read_header, read_record, segment_name, write_header, write_record
from tallystick.wire.worm_contents import (
    Seal,
    SealStatement,
    seal_text,
    write_seal,
)

LAYOUT = Layout(segment_bytes=5_000, step_bytes=500)
FIRST, SECOND = segment_name(1), segment_name(2)
OTHER = generate_p256_key()


def certificate(key: PublicKey = DEVICE.public, uid: str = UID) -> DeviceCertificate:
    """As read from a device's certificate; no key but the device's own is behind it, unless told."""
    return DeviceCertificate(uid=uid, not_before=NOW, not_after=NOW, public_key=key, der=b"")


@cache
def healthy() -> Image:
    """Two segments: events, 101 sales with seals, a Z-report with its seal, an anchor."""
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    memory.note(Note(kind=NoteKind.POWER_UP, before_ms=0, text="good morning"), NOW)
    sell(memory, 101)
    memory.append(RecordKind.Z_REPORT, b"z", NOW + timedelta(hours=1))
    memory.seal(101, sign, NOW)
    memory.anchor(Anchor(seq=104, log_index=7, checkpoint=b"note"), NOW)
    memory.release()
    assert disk.names() == [FIRST, SECOND, COUNTER_NAME]
    return {name: bytes(content) for name, content in disk.files.items()}


def verify(image: Image, *keys: DeviceCertificate, kept: tuple[Seal, ...] = ()) -> tuple[DumpOutcome, list[WormBreak]]:
    """The outcome and every break; with the device's certificate, if none is given."""
    found: list[WormBreak] = []
    outcome = verify_dump(RecordingDisk(image), found=found.append, certificates=keys or (certificate(),), kept=kept)
    assert outcome.breaks == len(found)
    return outcome, found


def codes(image: Image, *keys: DeviceCertificate, kept: tuple[Seal, ...] = ()) -> list[Code]:
    """The kinds of breaks in their order."""
    return [one.code for one in verify(image, *keys, kept=kept)[1]]


def offsets(data: bytes) -> list[int]:
    """Where the records of a whole segment begin, and where the last one ends."""
    found = [HEADER_BYTES]
    while found[-1] < len(data):
        found.append(read_record(data, found[-1])[1])
    return found


def changed(name: str, at: int, new: bytes) -> Image:
    """The healthy dump with other bytes at one place."""
    data = healthy()[name]
    at %= len(data)
    return {**healthy(), name: data[:at] + new + data[at + len(new) :]}


def built(*records: tuple[RecordKind, bytes]) -> Image:
    """A memory made by a program of our own making, with right links and whatever in it."""
    header = read_header(healthy()[FIRST][:HEADER_BYTES])
    data, link = write_header(header), header.previous
    for seq, (kind, body) in enumerate(records, 1):
        raw, link = write_record(link, seq, 0, kind, body)
        data += raw
    return {FIRST: data, COUNTER_NAME: RecordingDisk(first_counter()).read(COUNTER_NAME, 0, 1536)}


@cache
def first_counter() -> Image:
    """A memory that was just begun: nothing but its counter's file."""
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    return {name: bytes(content) for name, content in disk.files.items()}


DOCUMENT = (RecordKind.DOCUMENT, b"x")


def sealed(seq: int, link: bytes, counter: int = 1) -> tuple[RecordKind, bytes]:
    """A seal's kind and bytes, signed by the device."""
    statement = SealStatement(uid=UID, seq=seq, link=link, segment=1, card_counter=counter)
    return RecordKind.SEAL, write_seal(Seal(statement=statement, signature=sign(seal_text(statement))))


def last_link(image: Image) -> bytes:
    """The link of the last record of a dump of one segment."""
    return image[FIRST][-32:]
