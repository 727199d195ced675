"""The SQL of production: batches and modules. Printing and reports have stores of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tallystick.authority.reference.production.lifecycle import IN_WORK, State
from tallystick.authority.reference.production.values import Batch, BatchState, Counts, Module
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.fiscal_module import FormFactor, Hardware, KeyUse, ModuleAlgorithm
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.wire.production_order import OrderLine

SQL = RoomQueries("tallystick.authority.reference.production")
_RUN_LOCKS = 0x7A11_F15C


def add_batch(
    conn: Connection,
    *,
    profile: str,
    order_hash: bytes,
    ordered: int,
    blanks: int,
    years: int,
    asked_by: str,
    at: datetime,
) -> int | None:
    """A batch that waits for its second person; none when this very order has a batch."""
    row = SQL.row(
        conn,
        "add_batch",
        profile=profile,
        order_hash=order_hash,
        ordered=ordered,
        blanks=blanks,
        years=years,
        asked_by=asked_by,
        at=at,
    )
    return None if row is None else int(row[0])


def add_lines(conn: Connection, batch_id: int, lines: Iterable[OrderLine]) -> None:
    """The lines of its order, counted from 1."""
    for number, line in enumerate(lines, 1):
        SQL.run(
            conn,
            "add_line",
            batch_id=batch_id,
            line=number,
            tin=line.tin,
            business_name=line.business_name,
            location_name=line.location_name,
            address=line.address,
            district=line.district,
            city=line.city,
            given_name=line.given_name,
            surname=line.surname,
            limit_amount=line.limit.scaled,
            form_factor=line.form_factor.value,
        )


def note_request(conn: Connection, batch_id: int, request_id: int) -> None:
    """Which request for a second person opens it."""
    SQL.run(conn, "note_request", batch_id=batch_id, request_id=request_id)


def batch(conn: Connection, batch_id: int, *, locked: bool = False) -> Batch | None:
    """One batch."""
    row = SQL.row(conn, "lock_batch" if locked else "batch", batch_id=batch_id)
    return None if row is None else _batch(row)


def batches(conn: Connection, limit: int) -> list[Batch]:
    """The newest first."""
    return [_batch(row) for row in SQL.rows(conn, "batches", limit=limit)]


def open_batch(conn: Connection, batch_id: int, opened_by: str, at: datetime) -> bool:
    """Open it; false when it does not wait."""
    return bool(SQL.run(conn, "open_batch", batch_id=batch_id, opened_by=opened_by, at=at))


def refuse_batch(conn: Connection, batch_id: int) -> None:
    """It will not be opened."""
    SQL.run(conn, "refuse_batch", batch_id=batch_id)


def close_batch(
    conn: Connection, batch_id: int, closed_by: str, at: datetime, *, good: int, spoilt: int, left: int
) -> None:
    """Close it with its counts."""
    SQL.run(
        conn, "close_batch", batch_id=batch_id, closed_by=closed_by, at=at, good=good, spoilt=spoilt, left=left
    )  # fmt: skip


def hold_run(conn: Connection, batch_id: int) -> bool:
    """Take the batch for one run, as long as this session lives; false when another has it."""
    return bool(SQL.value(conn, "hold_run", lock_class=_RUN_LOCKS, batch_id=batch_id))


def release_run(conn: Connection, batch_id: int) -> None:
    """Let another run take the batch."""
    SQL.value(conn, "release_run", lock_class=_RUN_LOCKS, batch_id=batch_id)


def counts(conn: Connection, batch_id: int) -> Counts:
    """What became of the blanks."""
    by_state: dict[State, int] = {}
    good = spoilt = in_work = 0
    for name, is_spoilt, count in SQL.rows(conn, "counts", batch_id=batch_id):
        state = State(name)
        by_state[state] = by_state.get(state, 0) + count
        if is_spoilt:
            spoilt += count
        elif state in IN_WORK:
            in_work += count
        else:
            good += count
    return Counts(by_state=by_state, good=good, spoilt=spoilt, in_work=in_work)


def lines_to_make(conn: Connection, batch_id: int) -> list[int]:
    """Lines of the order without a finished module."""
    return [line for (line,) in SQL.rows(conn, "lines_to_make", batch_id=batch_id)]


def take_blank(conn: Connection, batch_id: int, line: int, at: datetime) -> int:
    """A new row for the next blank of the box; the batch must be locked."""
    return int(SQL.value(conn, "take_blank", batch_id=batch_id, line=line, at=at))


def module_of_line(conn: Connection, batch_id: int, line: int) -> Module | None:
    """The module that fulfils a line, spoilt ones aside."""
    row = SQL.row(conn, "module_of_line", batch_id=batch_id, line=line)
    return None if row is None else _module(row)


def module(conn: Connection, module_id: int, *, locked: bool = False) -> Module | None:
    """One module."""
    row = SQL.row(conn, "lock_module" if locked else "module", module_id=module_id)
    return None if row is None else _module(row)


def module_by_number(conn: Connection, number: str) -> int | None:
    """The module that has this number."""
    row = SQL.row(conn, "module_by_number", number=number)
    return None if row is None else int(row[0])


def modules(conn: Connection, batch_id: int, state: State | None, limit: int, skip: int) -> list[Module]:
    """Modules of a batch, all or those in one state, by their line."""
    wanted = None if state is None else state.value
    rows = SQL.rows(conn, "modules", batch_id=batch_id, state=wanted, limit=limit, skip=skip)
    return [_module(row) for row in rows]


def set_state(conn: Connection, module_id: int, before: State, state: State, at: datetime) -> bool:
    """Go from one state to the next; false when the module is not there any more."""
    return bool(SQL.run(conn, "set_state", module_id=module_id, before=before.value, state=state.value, at=at))


def note_hardware(
    conn: Connection, module_id: int, hardware: Hardware, tested: Iterable[ModuleAlgorithm]
) -> None:  # fmt: skip
    """What the module said of itself, and which algorithms were seen at work."""
    SQL.run(
        conn,
        "note_hardware",
        module_id=module_id,
        controller=hardware.controller,
        protocols=" ".join(sorted(hardware.protocols)),
        tested=" ".join(sorted(tested)),
    )


def give_number(conn: Connection, module_id: int, number: str, at: datetime) -> bool:
    """Give a number to a module; false when it was given before, to whatever."""
    if not SQL.run(conn, "give_number", number=number, module_id=module_id, at=at):
        return False
    SQL.run(conn, "note_number", module_id=module_id, number=number)
    return True


def add_key(conn: Connection, module_id: int, use: KeyUse, key_hash: bytes, spki: bytes, at: datetime) -> bool:
    """Keep a public key; false when it came out of a module before."""
    return bool(
        SQL.run(conn, "add_key", key_hash=key_hash, module_id=module_id, use=use.value, spki=spki, at=at)
    )  # fmt: skip


def keys(conn: Connection, module_id: int) -> dict[KeyUse, bytes]:
    """SubjectPublicKeyInfo of both keys."""
    return {KeyUse(use): bytes(spki) for use, spki in SQL.rows(conn, "keys", module_id=module_id)}


def note_certificates(conn: Connection, module_id: int, certificate: bytes, client_certificate: bytes) -> None:
    """Both certificates, DER."""
    SQL.run(
        conn,
        "note_certificates",
        module_id=module_id,
        certificate=certificate,
        client_certificate=client_certificate,
    )


def seal_pin(conn: Connection, module_id: int, sealed: bytes) -> bool:
    """The newest PIN, closed to the printer of the letter; false when the module is past that."""
    return bool(SQL.run(conn, "seal_pin", module_id=module_id, pin_sealed=sealed))


def note_spoilt(conn: Connection, module_id: int, because: str, at: datetime) -> None:
    """Why the module is no good."""
    SQL.run(conn, "note_spoilt", module_id=module_id, because=because, at=at)


def note_place(conn: Connection, module_id: int, place: str) -> None:
    """Where it is, or who has it."""
    SQL.run(conn, "note_place", module_id=module_id, place=place)


def ready_for_stock(conn: Connection, batch_id: int) -> list[int]:
    """Modules that are recorded on both sides and fully printed."""
    return [number for (number,) in SQL.rows(conn, "ready_for_stock", batch_id=batch_id)]


def is_reported(conn: Connection, module_id: int) -> bool:
    """Whether the tax service has accepted that this module exists."""
    return bool(SQL.value(conn, "is_reported", module_id=module_id))


def _batch(row: Row) -> Batch:
    batch_id, profile, digest, ordered, blanks, years, state, request_id, asked_by, opened_by, opened, closed = row
    return Batch(
        batch_id=batch_id,
        profile=profile,
        order_hash=bytes(digest),
        ordered=ordered,
        blanks=blanks,
        years=years,
        state=BatchState(state),
        request_id=request_id,
        asked_by=asked_by,
        opened_by=opened_by,
        opened_at=opened,
        closed_at=closed,
    )


def _module(row: Row) -> Module:
    (module_id, batch_id, line, slot, state, number, tin, business, location, address, district, city) = row[:12]
    (given_name, surname, limit, form, controller, certificate, client) = row[12:19]
    (letter, visual, because, place, changed_at) = row[19:]
    seller = Seller(
        tin=Tin(tin),
        business_name=business,
        location_name=location,
        address=address,
        district=district,
        city=city,
        country="",
    )
    return Module(
        module_id=module_id,
        batch_id=batch_id,
        line=line,
        slot=slot,
        state=State(state),
        number=None if number is None else Uid(number),
        seller=seller,
        given_name=given_name,
        surname=surname,
        limit=Money(limit),
        form_factor=FormFactor(form),
        controller=controller,
        certificate=None if certificate is None else bytes(certificate),
        client_certificate=None if client is None else bytes(client),
        is_letter_printed=letter,
        is_visual_printed=visual,
        spoilt_because=because,
        place=place,
        changed_at=changed_at,
    )
