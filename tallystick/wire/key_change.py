"""The statement by which a key of the authority follows another: a signed note (C2SP signed-note), signed by the log.

    ORIGIN/key-change
    series log
    old LABEL BASE64          the SubjectPublicKeyInfo; "-" for the first key of a series
    new LABEL BASE64
    since UNIX-MS
    until UNIX-MS             until when the old one is still in use

When the log's own key changes, the old and the new key sign: the one vouches for its successor, the other proves that
it is held. Whoever has the first key and the notes in order has all keys (`accepted_log_keys`); no other is trusted.
The first line is never that of a checkpoint, so that neither passes for the other.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import attrs

from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import (
    Check,
    KeyType,
    NoteKey,
    Sign,
    SignedNote,
    parse_note,
    sign_note,
    verify_note,
    write_note,
)

MEDIA_TYPE = "application/vnd.tallystick.key-change"
CHANGES_PATH = "key-changes"
"""Where a log hands its notes out, below its prefix."""
CHANGES_BYTES_MAX, CHANGES_MAX = 1024 * 1024, 1_000
_NAMES = ("series", "old", "new", "since", "until")
_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
_NONE = "-"


@attrs.frozen(slots=True)
class NamedKey:
    """A key's label and its SubjectPublicKeyInfo, DER."""

    label: str
    spki: bytes


@attrs.frozen(slots=True, kw_only=True)
class KeyChange:
    """The statement. Times are Unix ms; ``old`` is none for the first key of a series."""

    origin: str
    series: str
    old: NamedKey | None
    new: NamedKey
    since_ms: int
    until_ms: int

    @property
    def text(self) -> str:
        """What is signed."""
        old = f"{_NONE} {_NONE}" if self.old is None else _named(self.old)
        return (
            f"{self.origin}/key-change\nseries {self.series}\nold {old}\nnew {_named(self.new)}\n"
            f"since {self.since_ms}\nuntil {self.until_ms}\n"
        )


@attrs.frozen(slots=True)
class AcceptedKey:
    """A key of the log, and between which moments (Unix ms) a checkpoint may bear its signature; none: still."""

    key: NoteKey
    since_ms: int
    until_ms: int | None


def _named(key: NamedKey) -> str:
    return f"{key.label} {base64.b64encode(key.spki).decode('ascii')}"


def write_key_changes(notes: Iterable[bytes]) -> bytes:
    """Notes as they are handed out together: one a line, in base64, oldest first."""
    return b"".join(base64.b64encode(note) + b"\n" for note in notes)


def read_key_changes(data: bytes) -> list[bytes]:
    """The other way round; raises ``TS-1220``. Nothing in them is trusted yet."""
    lines = data.splitlines()
    if len(data) > CHANGES_BYTES_MAX or len(lines) > CHANGES_MAX:
        raise Fault("TS-1220", detail="too many notes of key changes")
    try:
        return [base64.b64decode(line, validate=True) for line in lines]
    except binascii.Error:
        raise Fault("TS-1220", detail="a note of a key change that is not base64") from None


def write_key_change(change: KeyChange, signers: Iterable[tuple[NoteKey, Sign]]) -> bytes:
    """The signed statement."""
    text = change.text
    return write_note(SignedNote(text, tuple(sign_note(text, key, sign) for key, sign in signers)))


def parse_key_change(text: str) -> KeyChange:
    """Read a note's text; raises ``TS-1220``. Nothing in it is trusted before the note is verified."""
    lines = text.split("\n")
    origin, _, rest = lines[0].rpartition("/")
    fields = [line.split(" ") for line in lines[1:-1]]
    names = tuple(field[0] for field in fields)
    if rest != "key-change" or not origin or lines[-1] or names != _NAMES:
        raise Fault("TS-1220", detail="a key change has the lines series, old, new, since and until")
    try:
        (_, series), (_, *old), (_, *new), (_, since), (_, until) = fields
        before = None if old == [_NONE, _NONE] else _read(old)
        change = KeyChange(
            origin=origin, series=series, old=before, new=_read(new), since_ms=int(since), until_ms=int(until)
        )
    except (ValueError, binascii.Error):
        raise Fault("TS-1220", detail="a key change that cannot be read") from None
    if change.text != text:
        raise Fault("TS-1220", detail="a key change in another form")
    return change


def _read(parts: list[str]) -> NamedKey:
    label, encoded = parts
    return NamedKey(label, base64.b64decode(encoded, validate=True))


def note_key(origin: str, spki: bytes) -> NoteKey:
    """The key of a checkpoint line from its SubjectPublicKeyInfo; raises ``TS-1220`` when it is not Ed25519."""
    raw = spki.removeprefix(_ED25519_PREFIX)
    if len(raw) != 32 or len(spki) != len(raw) + len(_ED25519_PREFIX):
        raise Fault("TS-1220", detail="the log's key is not Ed25519")
    return NoteKey(origin, KeyType.LOG, raw)


def later_log_keys(known: NoteKey, notes: Iterable[bytes], check: Check) -> list[AcceptedKey]:
    """A key of a log that somebody knows, and those that follow it; notes of changes before it are passed by.

    Raises as `accepted_log_keys`. A key that no note follows stays alone.
    """
    return accepted_log_keys(known, later_notes(known, notes), check)


def later_notes(known: NoteKey, notes: Iterable[bytes]) -> list[bytes]:
    """The notes of the log's own keys from the one on that replaces ``known``; raises ``TS-1220`` for what is none."""
    kept: list[bytes] = []
    for data in notes:
        change = parse_key_change(parse_note(data).text)
        if change.series != "log" or change.old is None:
            continue
        if kept or (change.origin == known.name and note_key(known.name, change.old.spki) == known):
            kept.append(data)
    return kept


def accepted_log_keys(first: NoteKey, notes: Iterable[bytes], check: Check) -> list[AcceptedKey]:
    """All keys of a log from its first one and the notes of its changes, in order; notes of other series are passed by.

    Raises ``TS-1312`` when a note is not signed by the key that it follows and by the one that it brings, or does not
    follow it; ``TS-1220`` for what is no such note.
    """
    keys = [AcceptedKey(first, 0, None)]
    for data in notes:
        note = parse_note(data)
        change = parse_key_change(note.text)
        if change.series != "log" or change.old is None:
            continue
        new = note_key(first.name, change.new.spki)
        if change.origin != first.name or note_key(first.name, change.old.spki) != keys[-1].key:
            raise Fault("TS-1312", detail="the key change does not follow the key before it")
        if len(verify_note(note, (keys[-1].key, new), check)) != 2:
            raise Fault("TS-1312", detail="old and new key must both sign")
        keys[-1] = attrs.evolve(keys[-1], until_ms=change.until_ms)
        keys.append(AcceptedKey(new, change.since_ms, None))
    return keys
