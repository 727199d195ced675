"""What the public may ask of the ledger: documents behind the gate, proofs, tiles and the published checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from tallystick.authority.assurance.seals import queries as seals
from tallystick.authority.assurance.seals.queries import PublishedSeal
from tallystick.authority.assurance.witnesses import queries as witnesses
from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger import queries
from tallystick.authority.ledger.queries import Connection, LedgerDocument
from tallystick.authority.projections.verification import store
from tallystick.authority.projections.verification.claims import Claims
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.key_change import write_key_changes
from tallystick.wire.signed_note import parse_checkpoint, write_note
from tallystick.wire.tiles import CHECKPOINT_PATH, Tile, parse_tile_path
from tallystick.wire.tlog_proof import TlogProof, write_proof


@attrs.frozen(slots=True, kw_only=True)
class Proof:
    """Where a document stands in the log: entry, size of the signed tree, the leaf's hash, the path, the note."""

    index: int
    size: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    checkpoint: str


class LedgerView:
    """Blocking questions; each takes a connection from ``connect`` and gives it back. Run them in threads.

    ``published`` is the folder of tiles and checkpoint as the exporter writes them.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]], published: Path) -> None:
        self._connect = connect
        self._published = published

    def document(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """The document of a number, behind the gate or not: ``acked`` says so."""
        with self._connect() as connection:
            return queries.document_by_number(connection, number.requested_by, number.signed_by, number.ordinal)

    def claims(self, number: SdcInvoiceNumber) -> Claims:
        """What later documents say of a number: how much was given back, by how much it was corrected."""
        with self._connect() as connection:
            return Claims.of(store.claims_on(connection, number))

    def proof(self, document: LedgerDocument) -> Proof | None:
        """The proof of a document against the newest checkpoint; none while no checkpoint covers it."""
        with self._connect() as connection:
            made = _newest_proof(connection, document.index)
        if made is None:
            return None
        return Proof(
            index=made.index,
            size=parse_checkpoint(made.checkpoint.text).size,
            leaf_hash=leaf_hash(document.leaf),
            path=made.hashes,
            checkpoint=write_note(made.checkpoint).decode(),
        )

    def proof_file(self, index: int) -> bytes | None:
        """The ``.tlog-proof`` of an entry, with its public leaf beside it; none while no checkpoint covers it."""
        with self._connect() as connection:
            document = queries.document_by_index(connection, index)
            made = _best_proof(connection, index) if document is not None and document.acked else None
        return write_proof(attrs.evolve(made, extra=document.leaf)) if made and document else None

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """The hashes between two sizes behind the gate; raises ``TS-4003`` for sizes that the log has not."""
        with self._connect() as connection:
            if not 0 < old_size <= new_size <= queries.acked_size(connection):
                raise Fault("TS-4003", detail="the sizes must satisfy 0 < from <= to <= newest")
            return queries.consistency_proof(connection, old_size, new_size)

    def checkpoint(self) -> bytes | None:
        """The published checkpoint with the cosignatures that it has so far; none before the first."""
        note = _read(self._published / CHECKPOINT_PATH)
        return None if note is None else self.with_cosignatures(note)

    def with_cosignatures(self, note: bytes) -> bytes:
        """A checkpoint with what witnesses have put under it."""
        with self._connect() as connection:
            return witnesses.with_cosignatures(connection, note)

    def newest_checkpoint(self) -> str:
        """The newest signed head, published as a file or not yet; empty before the first."""
        with self._connect() as connection:
            return queries.newest_checkpoint(connection).decode()

    def cosigned_checkpoint(self) -> bytes | None:
        """The newest checkpoint that a quorum of witnesses has cosigned; none before the first."""
        with self._connect() as connection:
            return witnesses.cosigned(connection)

    def witness_policy(self) -> bytes | None:
        """The policy file in force; none where nobody watches."""
        with self._connect() as connection:
            in_force = witnesses.policy(connection)
        return in_force.content if in_force else None

    def key_changes(self) -> bytes | None:
        """The notes by which one key of the authority follows another; none where none was ever entered."""
        with self._connect() as connection:
            return write_key_changes(change_notes(connection)) or None

    def tile(self, path: str) -> bytes | None:
        """A published tile or bundle; raises ``TS-1001`` for what is no tile's path, whatever lies there.

        What the exporter has not written yet, or no longer keeps, comes from the tables: every size that has a
        checkpoint has its tiles (C2SP tlog-tiles).
        """
        tile = parse_tile_path(path)
        found = _read(self._published / tile.path)
        return self.tile_from_tables(tile) if found is None else found

    def tile_from_tables(self, tile: Tile) -> bytes | None:
        """The same from the database; none for what the log has not published."""
        with self._connect() as connection:
            return queries.tile_content(connection, tile)

    def day_seals(self, day: int) -> list[tuple[PublishedSeal, TlogProof]]:
        """The seals of a day, newest first, each with its proof; those that no checkpoint covers are left out."""
        with self._connect() as connection:
            found = [(seal, _best_proof(connection, seal.index)) for seal in seals.of_day(connection, day)]
        return [(seal, proof) for seal, proof in found if proof is not None]


def _newest_proof(connection: Connection, index: int) -> TlogProof | None:
    try:
        return queries.tlog_proof(connection, index)
    except LookupError:
        return None


def _best_proof(connection: Connection, index: int) -> TlogProof | None:
    """Against the first checkpoint with a quorum that covers the entry, else against the newest of ours alone."""
    cosigned = witnesses.cosigned_covering(connection, index)
    if cosigned is None:
        return _newest_proof(connection, index)
    return queries.tlog_proof(connection, index, cosigned, size=parse_checkpoint(cosigned.text).size)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
