"""A copy of a ledger with all that stands around it: mirror, published tiles, keys, and what others keep outside.

The drill never touches the ledger it is asked about: it reads that in one read-only snapshot and writes what it read
into databases of its own, whose heads it signs with a key of its own, so that the key can be stolen.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tallystick.authority.ledger.export_chunks import FindCertificates
from tallystick.authority.ledger.mirror import Mirror, entry_frame
from tallystick.authority.ledger.sweep import SweepSources
from tallystick.authority.ledger.sweep_rows import read_entries
from tallystick.authority.ledger.tasks import export_tiles
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.crypto.keys import PrivateKey, PublicKey, generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519, verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import EPOCH
from tallystick.wire.signed_note import (
    Checkpoint,
    KeyType,
    NoteKey,
    SignedNote,
    cosign_note,
    parse_note,
    sign_note,
    write_note,
)

PREFIX = "tamper_drill_"
MARK = "tallystick tamper drill: a copy"
SCHEMAS = ("ledger", "registry", "activity")
ACTS_LEAST = 5
WITNESS = "witness.drill.example"
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

Connection = psycopg.Connection[Any]


def check_is_copy(connection: Connection) -> None:
    """Refuse every database that no drill has made; raises ``TS-3056``."""
    row = connection.execute(
        "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database "
        "WHERE datname = current_database()"
    ).fetchone()
    if row is None or not row[0].startswith(PREFIX) or row[1] != MARK:
        raise Fault("TS-3056", detail=f"{row[0] if row else 'this database'} is no copy that a drill has made")


@attrs.frozen(slots=True, kw_only=True)
class Victim:
    """Whom it is about: a document in the middle, the next one of its device, its day, and where the log ends.

    Of a register also a refund and a closing report that come later.
    """

    index: int
    other: int
    device: str
    tin: str
    ordinal: int
    day: int
    size: int
    tail: int
    late: int
    refund: int = -1
    closing: int = -1

    @property
    def parameters(self) -> dict[str, object]:
        """For statements of the catalogue."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Keys:
    """Keys of the drill: the log's, which can be stolen, and a witness's, which cannot."""

    origin: str
    log: PrivateKey = attrs.field(factory=generate_ed25519_key, repr=False)
    witness: PrivateKey = attrs.field(factory=generate_ed25519_key, repr=False)
    stranger: PrivateKey = attrs.field(factory=generate_ed25519_key, repr=False)

    @property
    def log_key(self) -> NoteKey:
        """The log's public key."""
        return NoteKey(self.origin, KeyType.LOG, self.log.public.raw)

    @property
    def witness_key(self) -> NoteKey:
        """The witness's public key."""
        return NoteKey(WITNESS, KeyType.COSIGNATURE, self.witness.public.raw)

    def head(self, size: int, root: bytes, *, key: PrivateKey | None = None) -> bytes:
        """A head signed with the log's key, or another in its place."""
        signer, text = key or self.log, Checkpoint(self.origin, size, root).text
        name = NoteKey(self.origin, KeyType.LOG, signer.public.raw)
        return write_note(SignedNote(text, (sign_note(text, name, lambda message: sign_ed25519(signer, message)),)))

    def cosigned(self, note: bytes, unix_seconds: int) -> bytes:
        """The same head with the witness's line under it."""
        read = parse_note(note)
        line = cosign_note(
            read.text, self.witness_key, unix_seconds, lambda message: sign_ed25519(self.witness, message)
        )
        return write_note(SignedNote(read.text, (*read.signatures, line)))


def check_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
    """What readers of notes check with."""
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


@attrs.define(kw_only=True)
class Scene:
    """One copy, ready to be tampered with. ``shown`` is the head that a second reader is shown, if another.

    ``national`` is the victim among registers, none where the ledger has none; ``certificates`` finds what they got
    later than their registration.
    """

    dsn: str
    folder: Path
    keys: Keys
    policy: Path
    victim: Victim
    national: Victim | None = None
    issuers: tuple[bytes, ...] = ()
    certificates: FindCertificates = lambda _: ()
    shown: bytes = b""

    @property
    def mirror(self) -> Path:
        """The second copy."""
        return self.folder / "mirror"

    @property
    def tiles(self) -> Path:
        """What is published."""
        return self.folder / "tiles"

    @property
    def sources(self) -> SweepSources:
        """What the self-check looks at beside the tables."""
        return SweepSources(
            mirror_folder=self.mirror, published_folder=self.tiles, keys=(self.keys.log_key,), check=check_ed25519
        )

    @contextmanager
    def hands_on(self) -> Iterator[Connection]:
        """A connection with the triggers out of the way, to a copy only."""
        with psycopg.connect(self.dsn) as connection:
            check_is_copy(connection)
            connection.execute("SET session_replication_role = replica")
            yield connection

    def rewrite_mirror(self) -> None:
        """Write the second copy anew from the tables."""
        shutil.rmtree(self.mirror, ignore_errors=True)
        with psycopg.connect(self.dsn) as connection:
            write_mirror(connection, self.mirror)

    def republish(self) -> None:
        """Publish what the tables hold now, as if nothing had been published before."""
        shutil.rmtree(self.tiles, ignore_errors=True)
        with psycopg.connect(self.dsn) as connection:
            export_tiles(connection, self.tiles)


def write_mirror(connection: Connection, folder: Path) -> None:
    """A second copy as the sequencer would have written it."""
    mirror = Mirror(folder)
    notes = dict(connection.execute("SELECT tree_size, note FROM ledger.checkpoints").fetchall())
    first = 0
    for batch, size in connection.execute("SELECT batch, tree_size FROM ledger.tree_state ORDER BY batch").fetchall():
        rows = read_entries(connection, first, size)
        frames = [
            piece
            for index, row in rows.items()
            for piece in entry_frame(index, row.leaf, row.salt or b"", row.record or b"", row.body or b"")
        ]
        mirror.append(batch, first, len(rows), frames)
        mirror.confirm()
        if size in notes:
            mirror.seal(notes[size])
        first = size
    mirror.close()


def copy_tables(source: str, target: str) -> None:
    """Copy ledger, registry and activity log out of one snapshot; the source is only read."""
    with psycopg.connect(source) as reading, psycopg.connect(target) as writing:
        check_is_copy(writing)
        reading.execute(_SNAPSHOT)
        writing.execute("SET session_replication_role = replica")
        for month in reading.execute("SELECT DISTINCT month FROM ledger.leaves").fetchall():
            writing.execute("SELECT ledger.ensure_month(%s)", month)
        tables = writing.execute(
            "SELECT table_schema, table_name FROM information_schema.tables t WHERE table_schema = ANY(%s) AND "
            "table_type = 'BASE TABLE' AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('%%I.%%I', "
            "table_schema, table_name)::regclass) ORDER BY 1, 2",
            [list(SCHEMAS)],
        ).fetchall()
        for table in tables:
            _copy_table(reading, writing, table)
        others = writing.execute(
            "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)' "
            "AND nspname <> ALL(%s)",
            [list(SCHEMAS)],
        ).fetchall()
        for (name,) in others:  # what is not copied would only make each copy slower
            writing.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def _copy_table(reading: Connection, writing: Connection, table: Sequence[str]) -> None:
    name = sql.Identifier(*table)
    writing.execute(sql.SQL("DELETE FROM {}").format(name))
    out = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(name)
    into = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name)
    with reading.cursor() as source, writing.cursor() as target, source.copy(out) as rows, target.copy(into) as copy:
        for data in rows:
            copy.write(data)


def make_database(administrator: str, name: str, template: str) -> str:
    """A database of the drill, from a template; returns its connection string."""
    with psycopg.connect(administrator, autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(MARK)))
    return make_conninfo(administrator, dbname=name)


def drop_database(administrator: str, name: str) -> None:
    """Remove a database of the drill; any other is left alone."""
    if not name.startswith(PREFIX):
        raise Fault("TS-3056", detail=f"{name} is no database of a drill")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def fill_activity(dsn: str) -> None:
    """Acts to tamper with, in a copy of a country where few have acted yet."""
    with psycopg.connect(dsn) as connection:
        check_is_copy(connection)
        for number in range(activity.head(connection)[0], ACTS_LEAST):
            record(connection, Act(at=EPOCH, actor=f"officer:{number}", verb="drill.act"))


def sign_heads(dsn: str, keys: Keys) -> None:
    """Sign every head of a copy with the drill's key, in the place of the real log's."""
    with psycopg.connect(dsn) as connection:
        check_is_copy(connection)
        connection.execute("SET session_replication_role = replica")
        heads = connection.execute("SELECT tree_size, root FROM ledger.tree_state ORDER BY batch").fetchall()
        connection.execute("DELETE FROM ledger.checkpoints")
        with connection.cursor() as cursor, cursor.copy("COPY ledger.checkpoints FROM STDIN") as copy:
            for size, root in heads:
                copy.write_row((size, keys.head(size, root)))


def find_victim(dsn: str) -> Victim:
    """A sale in the first half of the log, not a device's first; raises ``TS-3056`` where there is none."""
    with psycopg.connect(dsn) as connection:
        size = connection.execute("SELECT count(*) FROM ledger.leaves").fetchone()
        assert size is not None
        row = connection.execute(
            "SELECT a.log_index, b.log_index, a.requested_by || '-' || a.signed_by, i.tin, i.se_total, d.day "
            "FROM ledger.device_links a JOIN ledger.device_links b ON (b.signed_by, b.requested_by, b.seq) = "
            "(a.signed_by, a.requested_by, a.seq + 1) JOIN ledger.identity i ON i.signed_by = a.signed_by AND "
            "i.log_index = a.log_index JOIN ledger.day_links d ON d.log_index = a.log_index JOIN ledger.bodies t ON "
            "t.log_index = a.log_index JOIN ledger.records r ON r.log_index = a.log_index WHERE a.seq > 1 AND "
            "convert_from(r.record, 'UTF8')::jsonb ->> 'type' = '256' AND a.log_index >= %s "
            "ORDER BY a.log_index LIMIT 1",
            [size[0] // 3],
        ).fetchone()
    if row is None:
        raise Fault("TS-3056", detail="the ledger has too few sales to tamper with")
    return Victim(
        index=row[0],
        other=row[1],
        device=row[2],
        tin=row[3],
        ordinal=row[4],
        day=row[5],
        size=size[0],
        tail=size[0] - max(3, size[0] // 20),
        late=_newest_document(dsn),
    )


_REGISTERS = (
    "WITH said AS (SELECT i.log_index, i.requested_by || '-' || i.signed_by AS device, i.se_total, i.tin, "
    "(convert_from(r.record, 'UTF8')::jsonb ->> 'type')::bigint AS type FROM ledger.identity i JOIN ledger.records r "
    "ON r.log_index = i.log_index WHERE i.signed_by <> '') "
    "SELECT a.log_index, b.log_index, a.device, a.tin, a.se_total, d.day, c.log_index, e.log_index FROM said a "
    "JOIN said b ON b.device = a.device AND b.se_total = a.se_total + 1 "
    "JOIN said c ON c.device = a.device AND c.se_total > a.se_total AND c.type = 513 "
    "JOIN said e ON e.device = a.device AND e.se_total > c.se_total AND e.type = 576 "
    "JOIN said f ON f.device = a.device AND f.se_total = e.se_total + 1 "
    "JOIN ledger.day_links d ON d.log_index = a.log_index WHERE a.type = 512 ORDER BY a.log_index LIMIT 1"
)


def find_register(dsn: str, victim: Victim) -> Victim | None:
    """A receipt of a register with a refund, a closing report and a further document behind it; none where none is."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_REGISTERS).fetchone()
    if row is None:
        return None
    index, other, device, tin, ordinal, day, refund, closing = row
    return attrs.evolve(
        victim,
        index=index,
        other=other,
        device=device,
        tin=tin,
        ordinal=ordinal,
        day=day,
        refund=refund,
        closing=closing,
    )


def _newest_document(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT max(log_index) FROM ledger.day_links").fetchone()
        assert row is not None
        return int(row[0])
