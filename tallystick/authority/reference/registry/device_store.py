"""The SQL of fiscal devices: one function a query, values in and out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from tallystick.authority.reference.registry.values import (
    DeviceCertificate,
    FirstCertificate,
    FiscalDevice,
    FormFactor,
    NationalDevice,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller

_SQL = RoomQueries(__package__)
_DEVICE_COLUMNS = 14


def add(conn: Connection, device: FiscalDevice) -> bool:
    """Insert; false when the UID, or a number of the maker, is there already, be it a secure element's."""
    return bool(
        _SQL.run(
            conn,
            "add_fiscal_device",
            uid=device.uid,
            device_class=device.device_class,
            tin=device.tin,
            premises_id=device.premises_id,
            maker=device.maker,
            model=device.model,
            serial_number=device.serial_number,
            form_factor=device.form_factor.value,
            memory_number=device.memory_number,
            enterprise_number=device.enterprise_number,
            memory_report=device.memory_report,
        )
    )


def device(conn: Connection, uid: str) -> FiscalDevice | None:
    """By UID, with the names of its taxpayer and premises."""
    row = _SQL.row(conn, "fiscal_device", uid=uid)
    return None if row is None else _device(row)


def _device(row: Row) -> FiscalDevice:
    uid, number, tin, premises_id, maker, model, serial_number, state, business, premises = row[:10]
    form_factor, memory_number, enterprise_number, memory_report = row[10:_DEVICE_COLUMNS]
    return FiscalDevice(
        uid=Uid(uid),
        device_class=number,
        tin=Tin(tin),
        premises_id=premises_id,
        maker=maker,
        model=model,
        serial_number=serial_number,
        state=DeviceState(state),
        business_name=business,
        premises_name=premises,
        form_factor=FormFactor(form_factor),
        memory_number=memory_number,
        enterprise_number=enterprise_number,
        memory_report=memory_report,
    )


def devices_of(conn: Connection, tin: str, maker: str, most: int) -> list[str]:
    """UIDs of registers that are not closed, in order; an empty text asks for all."""
    return [uid for (uid,) in _SQL.rows(conn, "devices_of", tin=tin, maker=maker, most=most)]


def registered_before(conn: Connection, after: str, before: datetime, most: int) -> list[str]:
    """UIDs of registers that are not closed and were registered before a moment, behind one, in order."""
    rows = _SQL.rows(conn, "devices_registered_before", after=after, before=before, most=most)
    return [uid for (uid,) in rows]


def lock(conn: Connection, uid: str) -> tuple[DeviceState, Tin] | None:
    """State and taxpayer, held until the transaction ends."""
    row = _SQL.row(conn, "lock_fiscal_device", uid=uid)
    return None if row is None else (DeviceState(row[0]), Tin(row[1]))


def move(conn: Connection, uid: str, premises_id: int) -> None:
    """Note that it stands at another point."""
    _SQL.run(conn, "move_device", uid=uid, premises_id=premises_id)


def set_state(conn: Connection, uid: str, state: DeviceState, reason: str) -> None:
    """Write the state, and why."""
    _SQL.run(conn, "set_fiscal_device_state", uid=uid, state=state.value, reason=reason)


def changed_devices(conn: Connection, since: str) -> Iterable[NationalDevice]:
    """Changed, with taxpayer and premises, by a transaction not older than ``since``; agreements are not told here."""
    return map(_national, _SQL.rows(conn, "changed_fiscal_devices", since=since))


def national_device(conn: Connection, uid: str) -> NationalDevice | None:
    """By UID, with its seller, straight from the database."""
    row = _SQL.row(conn, "national_device", uid=uid)
    return None if row is None else _national(row)


def _national(row: Row) -> NationalDevice:
    uid, number, tin, premises_id, maker, model, serial_number, state, business, index, genesis = row[:11]
    form_factor, memory_number, memory_report, name, address, district, city, country = row[11:]
    seller = Seller(
        tin=Tin(tin),
        business_name=business,
        location_name=name or "",
        address=address or "",
        district=district or "",
        city=city or "",
        country=country or "",
    )
    return NationalDevice(
        uid=Uid(uid),
        device_class=DeviceClass(number),
        tin=Tin(tin),
        premises_id=premises_id,
        seller=seller,
        state=DeviceState(state),
        maker=maker,
        model=model,
        serial_number=serial_number,
        registration_index=index,
        genesis=bytes(genesis or b""),
        form_factor=FormFactor(form_factor),
        memory_number=memory_number,
        memory_report=memory_report,
    )


def changed_certificates(conn: Connection, since: str) -> Iterable[DeviceCertificate]:
    """Issued, revoked or taken off hold by a transaction not older than ``since``."""
    return map(_certificate, _SQL.rows(conn, "changed_device_certificates", since=since))


def certificates_of(conn: Connection, uid: str, limit: int) -> list[DeviceCertificate]:
    """Those of a device, the newest first."""
    return list(map(_certificate, _SQL.rows(conn, "certificates_of_device", uid=uid, limit=limit)))


def certificates(conn: Connection, hashes: Collection[bytes]) -> list[DeviceCertificate]:
    """By the SHA-256 of their DER."""
    return list(map(_certificate, _SQL.rows(conn, "device_certificates", hashes=list(hashes))))


def _certificate(row: Row) -> DeviceCertificate:
    digest, uid, number, tin, authority, certificate, not_before, not_after, revoked_at, reason = row
    return DeviceCertificate(
        certificate_hash=bytes(digest),
        uid=Uid(uid),
        device_class=DeviceClass(number),
        tin=Tin(tin),
        certificate=bytes(certificate),
        not_before=not_before,
        not_after=not_after,
        revoked_at=revoked_at,
        revocation_reason=reason or 0,
        authority=authority,
    )


def add_certificate(conn: Connection, certificate: DeviceCertificate, at: datetime) -> bool:
    """Insert a device's certificate; the first of a device is noted with it. False when it is there already."""
    added = _SQL.run(
        conn,
        "add_device_certificate",
        certificate_hash=certificate.certificate_hash,
        uid=certificate.uid,
        device_class=int(certificate.device_class),
        tin=certificate.tin,
        authority=certificate.authority,
        certificate=certificate.certificate,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        at=at,
    )
    if added:
        _SQL.run(
            conn, "note_first_certificate", uid=certificate.uid, certificate_hash=certificate.certificate_hash
        )  # fmt: skip
    return bool(added)


def unpublished(conn: Connection, most: int) -> list[FirstCertificate]:
    """Devices with a certificate whose registration is not in the ledger yet, by UID."""
    return [
        FirstCertificate(device=_device(row), certificate=_certificate(row[_DEVICE_COLUMNS:]))
        for row in _SQL.rows(conn, "unpublished_devices", most=most)
    ]


def note_registration(conn: Connection, uid: str, index: int, genesis: bytes) -> bool:
    """Write where the ledger has it and what its sequence begins with, once; false when that was written before."""
    return bool(_SQL.run(conn, "note_registration", uid=uid, registration_index=index, genesis=genesis))
