"""The only SQL of builds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.reference.builds.values import Build, Decision, Maker, Unpublished
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.builds import BuildClass, BuildState
from tallystick.wire.build_manifest import SignedManifest

_SQL = RoomQueries("tallystick.authority.reference.builds")


def add_maker(conn: Connection, maker: str, name: str, release_key: bytes, user_id: int | None, at: datetime) -> bool:
    """Insert a maker; false when name or key is taken."""
    parameters = {"maker": maker, "name": name, "release_key": release_key, "user_id": user_id, "at": at}
    return _SQL.run(conn, "add_maker", **parameters) == 1


def maker(conn: Connection, maker: str) -> Maker | None:
    """One maker."""
    return _maker(_SQL.row(conn, "maker", maker=maker))


def maker_of_user(conn: Connection, user_id: int) -> Maker | None:
    """The maker for whom a user acts."""
    return _maker(_SQL.row(conn, "maker_of_user", user_id=user_id))


def makers(conn: Connection) -> list[Maker]:
    """All makers."""
    return [made for row in _SQL.rows(conn, "makers") if (made := _maker(row)) is not None]


def _maker(row: Row | None) -> Maker | None:
    if row is None:
        return None
    name, title, key, user_id, is_active, since = row
    return Maker(maker=name, name=title, release_key=key, user_id=user_id, is_active=is_active, since=since)


def add_build(conn: Connection, signed: SignedManifest, at: datetime) -> bool:
    """Insert a build; false when it, or another one of that version, is there."""
    manifest = signed.manifest
    added = _SQL.run(
        conn,
        "add_build",
        build_id=signed.build_id,
        maker=manifest.maker,
        product=manifest.product,
        version=manifest.version,
        **{"class": manifest.build_class.value},
        manifest=signed.compact,
        at=at,
    )
    return added == 1


def build(conn: Connection, build_id: str, *, lock: bool = False) -> Build | None:
    """One build, held until the transaction ends with ``lock``."""
    row = _SQL.row(conn, "lock_build" if lock else "build", build_id=build_id)
    return _build(row) if row else None


def builds(conn: Connection, maker: str | None, limit: int) -> list[Build]:
    """Builds of a maker or of all, those that wait for an officer first."""
    return [_build(row) for row in _SQL.rows(conn, "builds", maker=maker, limit=limit)]


def _build(row: Row) -> Build:
    build_id, maker, product, version, build_class, state, submitted_at, *devices = row
    return Build(
        build_id=build_id,
        maker=maker,
        product=product,
        version=version,
        build_class=BuildClass(build_class),
        state=BuildState(state),
        submitted_at=submitted_at,
        devices=devices[0] if devices else 0,
    )


def standings(conn: Connection) -> dict[str, tuple[BuildClass, BuildState]]:
    """Class and state of every build."""
    return {row[0]: (BuildClass(row[1]), BuildState(row[2])) for row in _SQL.rows(conn, "standings")}


def withdrawals(conn: Connection) -> dict[str, datetime]:
    """Since when each build that is suspended or revoked has been so."""
    return dict(_SQL.rows(conn, "withdrawals"))


def manifest(conn: Connection, build_id: str) -> bytes | None:
    """The exact bytes that the maker signed."""
    row = _SQL.row(conn, "manifest", build_id=build_id)
    return row[0] if row else None


def decide(conn: Connection, build_id: str, state: BuildState, by: str, reason: str, at: datetime) -> None:
    """Write a decision and the state that it makes."""
    _SQL.run(conn, "set_state", build_id=build_id, state=state.value)
    _SQL.run(conn, "add_decision", build_id=build_id, state=state.value, by=by, reason=reason, at=at)


def decisions(conn: Connection, build_id: str) -> list[Decision]:
    """What was decided about a build, oldest first."""
    return [
        Decision(state=BuildState(state), decided_by=by, reason=reason, decided_at=at, entry_index=index)
        for state, by, reason, at, index in _SQL.rows(conn, "decisions", build_id=build_id)
    ]


def unpublished(conn: Connection, limit: int) -> list[Unpublished]:
    """Decisions without an entry in the ledger, oldest first."""
    names = ("decision_id", "build_id", "state", "decided_at", "maker", "product", "version", "build_class")
    rows = _SQL.rows(conn, "unpublished", limit=limit)
    return [Unpublished(**dict(zip(names, row, strict=True))) for row in rows]


def note_index(conn: Connection, decision_id: int, entry_index: int) -> int:
    """Note where a decision stands in the ledger."""
    return _SQL.run(conn, "note_index", decision_id=decision_id, entry_index=entry_index)


def note_proved(conn: Connection, proved: Sequence[tuple[str, str, datetime]]) -> None:
    """Devices have proved builds then."""
    uids, build_ids, moments = (list(column) for column in zip(*proved, strict=True))
    _SQL.run(conn, "note_proved", uids=uids, build_ids=build_ids, moments=moments)


def devices_with(conn: Connection, build_id: str, most: int) -> list[str]:
    """UIDs of devices whose newest build this is, in order."""
    return [uid for (uid,) in _SQL.rows(conn, "devices_with", build_id=build_id, most=most)]
