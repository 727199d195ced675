"""Reads from the ledger where a device stands: the end of its sequence, and its register since the last closing."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.authority.intake.national.noted import find
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import DeviceDocument
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import DocumentKind, NationalDocument
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import DocumentHeader, header_of, read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.settled_place import SettledPlace, read_settled_place

_PAGE = 200
_NO_DOCUMENT = b"{"
"""How the body of a settled place begins; that of a document never does."""
_Later = tuple[int, DocumentHeader, NationalDocument] | SettledPlace | None
"""A document with its place, places that are settled, or a document whose body was erased."""


def read_standing(conn: Connection, uid: str, nonces_since_ms: int, known: Standing | None = None) -> Standing | None:
    """Where a device stands; none where the ledger does not know it.

    From where it is ``known`` to have stood only what came since is read, which another process booked. Else it
    reads back to what was noted of it or to the last shift closing, and as far as nonces may still be used again
    (``nonces_since_ms``: the earliest time of a document that the window would take).
    """
    head = ledger.device_head(conn, (uid, uid))
    if head is None:
        return None
    sequence, link = head
    base = _usable(known, sequence, link)
    standing = base or Standing(sequence, link, RegisterState())
    noted = find(conn, uid) if base is None else None
    nonces: dict[bytes, int] = {}
    later: list[_Later] = []
    is_settled = False
    for booked in _backwards(conn, uid, sequence, base.sequence if base else 0):
        if noted is not None and booked.seq == noted.sequence and not is_settled:
            standing.state, is_settled = noted.state, True
        if booked.body.startswith(_NO_DOCUMENT):
            if not is_settled:
                later.append(read_settled_place(booked.body))
            continue
        if is_settled:  # from here on back only nonces are of interest, which stand in headers
            header = header_of(booked.body) if booked.body else None
            if header is None or header.time_ms < nonces_since_ms:
                break
            nonces[header.nonce] = header.time_ms
            continue
        read = _read(booked)
        if read is not None:
            _, header, document = read
            nonces[header.nonce] = header.time_ms
            if document.kind is DocumentKind.SHIFT_CLOSING:
                standing.state, standing.unsure = RegisterState.after_closing(document, booked.seq), False
                is_settled = True
                continue
        later.append(read)
    standing.sequence, standing.link = sequence, link
    standing.nonces.update(sorted(nonces.items(), key=lambda pair: pair[1]))
    _fold(standing, later)
    return standing


def _usable(known: Standing | None, sequence: int, link: bytes) -> Standing | None:
    """A copy of what is known, if the ledger has gone on from there."""
    if known is None or known.sequence > sequence or (known.sequence == sequence and known.link != link):
        return None
    return Standing(known.sequence, known.link, known.state, dict(known.nonces), known.unsure)


def _backwards(conn: Connection, uid: str, sequence: int, down_to: int) -> Iterator[DeviceDocument]:
    while sequence > down_to:
        page = ledger.device_documents(conn, (uid, uid), sequence, min(_PAGE, sequence - down_to))
        yield from page
        sequence = page[-1].seq - 1 if page else down_to


def _read(booked: DeviceDocument) -> tuple[int, DocumentHeader, NationalDocument] | None:
    """A document with its place; none where its body was erased."""
    if not booked.body:
        return None
    signed = read_signed(booked.body, bytes_max=len(booked.body))
    return booked.seq, signed.header, read_document(signed.payload)


def _fold(standing: Standing, later: list[_Later]) -> None:
    """The documents since the last closing, oldest first; what was booked with a fault counts as it was booked."""
    for read in reversed(later):
        if read is None:
            standing.unsure = True
            continue
        if isinstance(read, SettledPlace):
            standing.state = standing.state.after_settled(read.last)
            continue
        sequence, header, document = read
        try:
            standing.state = standing.state.after(document, sequence, header.time)
        except Fault:
            standing.state = standing.state.in_spite(document, sequence, header.time)
