"""Makes and rotates the authority's own keys: in the store, in the table of the room `keys`, and for the ledger.

Making can be repeated after any interruption. Rotating happens in three steps: a new key in the store, a statement
signed by the log, one transaction; a crash before the last leaves a key that nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import attrs

from tallystick.authority.keys import operations, queries
from tallystick.authority.keys.values import LOG, PACKAGE, POA, SERIES, AuthorityKey
from tallystick.authority.room_queries import Connection
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import PublicKey, generate_rsa_key, load_private_key, store_public_key
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.signatures import verify_ed25519
from tallystick.crypto.wrapped_keys import keep_wrapped, open_wrapped, wrapped_labels
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.wire.key_change import KeyChange, NamedKey, note_key, parse_key_change, write_key_change
from tallystick.wire.signed_note import NoteKey, Sign, parse_note, verify_note

WRAPPING = "wrapping"
NAMES = (LOG, POA, PACKAGE)
_FOR_EVER = timedelta(days=365 * 50)


def package_folder(keys: Path) -> Path:
    """Where the wrapped package keys lie, beside the other keys."""
    return keys / "package"


@attrs.frozen
class KeyMaker:
    """The store, the folder of public files, and the log's name."""

    store: KeyStore
    folder: Path

    def make(self) -> Mapping[str, PublicKey]:
        """The first key of each series and the wrapping key, made where missing; their public halves by series."""
        self._ensure_wrapping()
        return {series: self._ensure(series) for series in NAMES}

    def make_next(self, series: str, label: str) -> PublicKey:
        """A further key of a series under a new label; raises ``TS-3004`` when the label is taken."""
        purpose, kind = SERIES[series]
        if purpose is not None:
            return self.store.generate(label, kind, purpose)
        if label in wrapped_labels(package_folder(self.folder)):
            raise Fault("TS-3004", detail=f"there is a key {label} already")
        key = generate_rsa_key()
        keep_wrapped(self.store, WRAPPING, package_folder(self.folder), label, key)
        return key.public

    def publish(self, series: str, key: PublicKey) -> None:
        """Write the public file from which new cards take the key. The log's file keeps the first key: trust's root."""
        if series != LOG:
            store_public_key(PkiFiles(self.folder).public_key(series), key)

    def _ensure_wrapping(self) -> None:
        try:
            self.store.generate_wrapping(WRAPPING)
        except Fault as fault:
            if fault.code != "TS-3004":
                raise

    def _ensure(self, series: str) -> PublicKey:
        public = PkiFiles(self.folder).public_key(series)
        before = PkiFiles(self.folder).private_key(series)
        if before.exists():
            return self._adopt(series, before)
        made = self._find(series)
        if made is None:
            made = self.make_next(series, series)
        if not public.exists():
            store_public_key(public, made)
        return made

    def _find(self, series: str) -> PublicKey | None:
        """The first key of a series where an interrupted run made it already."""
        if series == PACKAGE:
            folder = package_folder(self.folder)
            return (
                open_wrapped(self.store, WRAPPING, folder, series).public if series in wrapped_labels(folder) else None
            )
        return self.store.public_key(series) if series in self.store.labels() else None

    def _adopt(self, series: str, before: Path) -> PublicKey:
        """A country from before the key store: its key moves in, and the clear file goes."""
        if not isinstance(self.store, SealedKeys):
            raise Fault("TS-3032", detail=f"{before.name} is a clear key of an older country; a token makes its own")
        key = load_private_key(before)
        purpose, _ = SERIES[series]
        if purpose is None:
            keep_wrapped(self.store, WRAPPING, package_folder(self.folder), series, key)
        elif series not in self.store.labels():
            self.store.adopt(series, key, purpose)
        before.unlink()
        return key.public


def signers_of(store: KeyStore, origin: str, *keys: AuthorityKey) -> list[tuple[NoteKey, Sign]]:
    """The log's keys as signers of a statement, asked at the store itself."""

    def signer(label: str) -> Sign:
        return lambda message: store.sign(label, Use.SIGN_CHECKPOINT, message)

    return [(note_key(origin, key.public_key.spki), signer(key.label)) for key in keys]


def first_statements(store: KeyStore, public: Mapping[str, PublicKey], origin: str, at: datetime) -> dict[str, bytes]:
    """The statement of the first key of each series, signed by the log's first key."""
    signers = signers_of(store, origin, _value(LOG, LOG, public[LOG], at))

    def statement(series: str) -> bytes:
        key = NamedKey(series, public[series].spki)
        since = unix_ms(at)
        change = KeyChange(origin=origin, series=series, old=None, new=key, since_ms=since, until_ms=since)
        return write_key_change(change, signers)

    return {series: statement(series) for series in NAMES}


def enter_statements(conn: Connection, statements: Iterable[bytes], *, at: datetime, actor: str) -> int:
    """Register the first keys that the statements bring, the log's first; a series that has keys is left alone.

    Raises ``TS-1312`` when a statement is not signed by the log's key. Returns how many were entered.
    """
    notes = [(parse_note(data), data) for data in statements]
    changes = [(parse_key_change(note.text), note, data) for note, data in notes]
    (log_change,) = (change for change, _, _ in changes if change.series == LOG)
    trusted = note_key(log_change.origin, log_change.new.spki)
    entered = 0
    for change, note, data in changes:
        verify_note(note, (trusted,), check_note)
        if queries.keys(conn, change.series):
            continue
        public = PublicKey.from_spki(change.new.spki)
        key = _value(change.series, change.new.label, public, from_unix_ms(change.since_ms))
        operations.enter_key(conn, key, data, at=at, actor=actor)
        entered += 1
    conn.commit()
    return entered


def check_note(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Check a line of a signed note; raises ``TS-1312``."""
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


def rotate(
    conn: Connection, maker: KeyMaker, series: str, *, at: datetime, overlap: timedelta, actor: str
) -> AuthorityKey:
    """Make the next key of a series and put it into service; the key before it serves until ``at + overlap``.

    Raises ``TS-3031`` (no such series), ``TS-3030`` (somebody else rotated meanwhile), ``TS-3033`` (the log's old keys
    overlap still), ``TS-5004``.
    """
    if series not in SERIES:
        raise Fault("TS-3031", detail=f"{series} is none of {', '.join(SERIES)}")
    with operations.rotating(conn):
        return _rotate(conn, maker, series, at=at, overlap=overlap, actor=actor)


def _rotate(
    conn: Connection, maker: KeyMaker, series: str, *, at: datetime, overlap: timedelta, actor: str
) -> AuthorityKey:
    known = queries.keys(conn, series)
    old, log_key = queries.active_key(conn, series), queries.active_key(conn, LOG)
    if series == LOG and len(queries.signing_log_keys(known, at)) > 1:
        raise Fault("TS-3033", detail="the overlap of the last rotation has not ended")
    origin = parse_key_change(parse_note(queries.change_notes(conn)[0]).text).origin
    conn.rollback()  # making a key takes a while: no row is held meanwhile
    label = _next_label(maker, series, len(known) + 1)
    new = _value(series, label, maker.make_next(series, label), at)
    retires_at = at + (overlap if series == LOG else _FOR_EVER)
    change = KeyChange(
        origin=origin,
        series=series,
        old=NamedKey(old.label, old.public_key.spki),
        new=NamedKey(new.label, new.public_key.spki),
        since_ms=unix_ms(at),
        until_ms=unix_ms(retires_at),
    )
    vouching = (log_key, new) if series == LOG else (log_key,)
    statement = write_key_change(change, signers_of(maker.store, origin, *vouching))
    operations.replace_key(conn, new, statement, follows=old.label, retires_at=retires_at, actor=actor)
    conn.commit()
    maker.publish(series, new.public_key)
    return new


def _next_label(maker: KeyMaker, series: str, number: int) -> str:
    """The first free label: an interrupted rotation may have left a key behind."""
    taken = {*maker.store.labels(), *wrapped_labels(package_folder(maker.folder))}
    while f"{series}-{number}" in taken:
        number += 1
    return f"{series}-{number}"


def _value(series: str, label: str, public: PublicKey, at: datetime) -> AuthorityKey:
    purpose, _ = SERIES[series]
    return AuthorityKey(label=label, series=series, purpose=purpose, public_key=public, active_at=at)
