"""The only SQL of the registry: one function a query, values in and out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from tallystick.authority.reference.registry.values import (
    AppUser,
    Premises,
    Revocation,
    SecureElementEntry,
    SecureElementState,
    Taxpayer,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.crypto.certificates import CardCertificate
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller

_SQL = RoomQueries(__package__)


def _entry(row: Row) -> SecureElementEntry:
    (uid, tin, premises_id, business, location, address, district, city, country, certificate, digest) = row[:11]
    (not_before, not_after, x, y, encryption_key, limit, state, revoked_at, registration_index, reason) = row[11:]
    seller = Seller(
        tin=Tin(tin),
        business_name=business,
        location_name=location,
        address=address,
        district=district,
        city=city,
        country=country,
    )
    return SecureElementEntry(
        uid=Uid(uid),
        tin=Tin(tin),
        premises_id=premises_id,
        seller=seller,
        certificate=bytes(certificate),
        certificate_hash=bytes(digest),
        not_before=not_before,
        not_after=not_after,
        environment=(x, y),
        encryption_key=encryption_key,
        limit=Money(limit),
        state=SecureElementState(state),
        revoked_at=revoked_at,
        registration_index=registration_index,
        revocation_reason=reason or 0,
    )


def put_taxpayer(conn: Connection, taxpayer: Taxpayer) -> None:
    """Insert, or take the new business name."""
    _SQL.run(conn, "put_taxpayer", tin=taxpayer.tin, business_name=taxpayer.business_name)


def put_premises(conn: Connection, premises: Premises) -> int:
    """Insert or update by taxpayer and code; returns the row's number."""
    return int(
        _SQL.value(
            conn,
            "put_premises",
            tin=premises.tin,
            code=premises.code,
            name=premises.name,
            address=premises.address,
            city=premises.city,
            district=premises.district,
            country=premises.country,
        )
    )


def add_secure_element(
    conn: Connection,
    card: CardCertificate,
    certificate: bytes,
    *,
    premises_id: int | None,
    encryption_key: str,
    limit: Money,
) -> bool:
    """Insert; false when the UID or the certificate is there already."""
    x, y = card.environment
    return bool(
        _SQL.run(
            conn,
            "add_secure_element",
            uid=card.uid,
            tin=card.tin,
            premises_id=premises_id,
            business_name=card.seller.business_name,
            location_name=card.seller.location_name,
            address=card.seller.address,
            district=card.seller.district,
            city=card.seller.city,
            country=card.seller.country,
            certificate=certificate,
            certificate_hash=card.sha256,
            not_before=card.not_before,
            not_after=card.not_after,
            environment_x=x,
            environment_y=y,
            encryption_key=encryption_key,
            limit_amount=limit.scaled,
        )
    )


def secure_element(conn: Connection, uid: str) -> SecureElementEntry | None:
    """By UID."""
    row = _SQL.row(conn, "secure_element", uid=uid)
    return None if row is None else _entry(row)


def secure_elements(conn: Connection, uids: Collection[str]) -> Iterable[SecureElementEntry]:
    """Those of these UIDs that are registered."""
    return map(_entry, _SQL.rows(conn, "secure_elements", uids=list(uids)))


def changed_secure_elements(conn: Connection, since: str) -> Iterable[SecureElementEntry]:
    """Changed by a transaction not older than ``since``."""
    return map(_entry, _SQL.rows(conn, "changed_secure_elements", since=since))


def changed_taxpayers(conn: Connection, since: str) -> Iterable[Taxpayer]:
    """Changed by a transaction not older than ``since``."""
    return (Taxpayer(Tin(tin), name) for tin, name in _SQL.rows(conn, "changed_taxpayers", since=since))


def changed_revocations(conn: Connection, since: str) -> Iterable[Revocation]:
    """Changed by a transaction not older than ``since``; lifted ones too."""
    return map(_revocation, _SQL.rows(conn, "changed_revocations", since=since))


def revocation(conn: Connection, certificate_hash: bytes) -> Revocation | None:
    """Of one certificate, lifted or not."""
    row = _SQL.row(conn, "revocation", certificate_hash=certificate_hash)
    return None if row is None else _revocation(row)


def revocations(conn: Connection) -> Iterable[Revocation]:
    """All that stand."""
    return map(_revocation, _SQL.rows(conn, "revocations"))


def device_revocations(conn: Connection, uid: str) -> list[Revocation]:
    """Those of a national device that stand, superseded certificates left out."""
    return [_revocation(row) for row in _SQL.rows(conn, "device_revocations", uid=uid)]


def lift_revocation(conn: Connection, certificate_hash: bytes, at: datetime) -> bool:
    """End a hold; false where there is none."""
    return bool(_SQL.run(conn, "lift_revocation", certificate_hash=certificate_hash, at=at))


def _revocation(row: Row) -> Revocation:
    digest, uid, revoked_at, reason, lifted_at = row
    return Revocation(
        certificate_hash=bytes(digest), uid=uid, revoked_at=revoked_at, reason=reason, lifted_at=lifted_at
    )


def taxpayer(conn: Connection, tin: str) -> Taxpayer | None:
    """By TIN."""
    row = _SQL.row(conn, "taxpayer", tin=tin)
    return None if row is None else Taxpayer(Tin(row[0]), row[1])


def secure_element_of_certificate(conn: Connection, certificate_hash: bytes) -> str | None:
    """The UID of the element that signs with this certificate."""
    row = _SQL.row(conn, "secure_element_of_certificate", certificate_hash=certificate_hash)
    return None if row is None else str(row[0])


def oldest_open_transaction(conn: Connection) -> str:
    """The mark below which every transaction has ended, as the text of an ``xid8``."""
    return str(_SQL.value(conn, "oldest_open_transaction"))


def unpublished_secure_elements(conn: Connection, most: int) -> list[SecureElementEntry]:
    """Elements whose registration is not in the ledger yet, by UID."""
    return [_entry(row) for row in _SQL.rows(conn, "unpublished_secure_elements", most=most)]


def lock_secure_element(conn: Connection, uid: str) -> SecureElementState | None:
    """The state, locked until the transaction ends."""
    row = _SQL.row(conn, "lock_secure_element", uid=uid)
    return None if row is None else SecureElementState(row[0])


def certificate_hash(conn: Connection, uid: str) -> bytes:
    """Of the certificate that an element signs with."""
    return bytes(_SQL.value(conn, "certificate_hash", uid=uid))


def set_state(conn: Connection, uid: str, state: SecureElementState, revoked_at: datetime | None) -> None:
    """Write the state."""
    _SQL.run(conn, "set_state", uid=uid, state=state.value, revoked_at=revoked_at)


def set_own_hold(conn: Connection, uid: str, is_held: bool) -> None:
    """Note whether an element is on hold by itself, whatever its certificate is."""
    _SQL.run(conn, "set_own_hold", uid=uid, is_held=is_held)


def has_own_hold(conn: Connection, uid: str) -> bool:
    """Whether it is."""
    return bool(_SQL.value(conn, "has_own_hold", uid=uid))


def set_registration_index(conn: Connection, uid: str, index: int) -> bool:
    """Write the ledger's index once; false when there was one."""
    return bool(_SQL.run(conn, "set_registration_index", uid=uid, registration_index=index))


def add_revocation(conn: Connection, certificate_hash: bytes, uid: str, moment: datetime, reason: int) -> None:
    """Remember a revoked certificate; the first revocation stands, but for a hold that becomes final or begins anew."""
    _SQL.run(
        conn, "add_revocation", certificate_hash=certificate_hash, uid=uid, revoked_at=moment, reason=reason
    )  # fmt: skip


def points(conn: Connection, tin: str, limit: int) -> list[tuple[int, Premises, int]]:
    """Points by number, of a taxpayer or of all, each with the devices that stand there and are not closed."""
    found = []
    for number, owner, code, name, address, city, district, country, devices in _SQL.rows(
        conn, "points", tin=tin, limit=limit
    ):
        place = Premises(
            tin=owner, code=code, name=name, address=address, city=city, district=district, country=country
        )  # fmt: skip
        found.append((number, place, devices))
    return found


def take_turns_with_users(conn: Connection) -> None:
    """One transaction at a time enters the first officers."""
    _SQL.run(conn, "take_turns_with_users")


def count_active(conn: Connection, role: str) -> int:
    """Active users in a role."""
    return int(_SQL.value(conn, "count_active", role=role))


def users(conn: Connection, role: str, limit: int) -> list[tuple[str, str, str, bool, list[str]]]:
    """User name, name, role, whether active, and the taxpayers that he acts for; of a role or of all, by name."""
    return [tuple(row) for row in _SQL.rows(conn, "users", role=role, limit=limit)]


def add_user(conn: Connection, username: str, password_hash: str, display_name: str, role: str) -> int | None:
    """Insert; none when the name is taken."""
    row = _SQL.row(
        conn, "add_user", username=username, password=password_hash, display_name=display_name, role=role
    )  # fmt: skip
    return None if row is None else int(row[0])


def user_by_name(conn: Connection, username: str) -> AppUser | None:
    """By user name."""
    row = _SQL.row(conn, "user_by_name", username=username)
    if row is None:
        return None
    number, name, password, display_name, role, is_active, last_login, date_joined = row
    return AppUser(
        id=number,
        username=name,
        password=password,
        display_name=display_name,
        role=role,
        is_active=is_active,
        last_login=last_login,
        date_joined=date_joined,
    )


def bind_user(conn: Connection, username: str, tin: str) -> bool:
    """Let a user act for a taxpayer; false when nothing changed."""
    return bool(_SQL.run(conn, "bind_user", username=username, tin=tin))


def release_user(conn: Connection, username: str, tin: str) -> bool:
    """Take that away; false when nothing changed."""
    return bool(_SQL.run(conn, "release_user", username=username, tin=tin))


def taxpayers_of_user(conn: Connection, user_id: int) -> tuple[str, ...]:
    """TINs for which a user may act."""
    return tuple(tin for (tin,) in _SQL.rows(conn, "taxpayers_of_user", user_id=user_id))


def known_taxpayers(conn: Connection, tins: Sequence[str]) -> set[str]:
    """Those of the TINs that have a row."""
    return {tin for (tin,) in _SQL.rows(conn, "known_taxpayers", tins=list(set(tins)))}


def owners(conn: Connection, uids: Sequence[str]) -> dict[str, str]:
    """TIN by UID, of those that are registered."""
    return dict(_SQL.rows(conn, "owners", uids=list(uids)))


def set_user_active(conn: Connection, username: str, is_active: bool) -> bool:
    """Switch a user on or off; false when there is none."""
    return bool(_SQL.run(conn, "set_user_active", username=username, is_active=is_active))


def set_user_password(conn: Connection, username: str, password_hash: str) -> bool:
    """Write a new hash; false when there is no such user."""
    return bool(_SQL.run(conn, "set_user_password", username=username, password=password_hash))


def counts_by_state(conn: Connection) -> dict[str, int]:
    """Secure elements a state."""
    return {state: int(count) for state, count in _SQL.rows(conn, "counts_by_state")}


def count_taxpayers(conn: Connection) -> int:
    """Registered taxpayers."""
    return int(_SQL.value(conn, "count_taxpayers"))
