"""The one way from state to state: the table is asked, the registry follows, the tax service is told, the log knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
import msgspec

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.production import report_store, store
from tallystick.authority.reference.production.lifecycle import CrlReason, Deed, Effect, Move, State, move
from tallystick.authority.reference.production.values import Module
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registered
from tallystick.authority.reference.registry.values import Premises, SecureElementState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms

STATION = "process:production-station"
REPORT_VERSION = "1"


@attrs.frozen(slots=True, kw_only=True)
class Country:
    """What the registration of a module needs of the country: environment, name of the package key, country code."""

    environment: tuple[int, int]
    encryption_key: str
    country: str


def locked(conn: Connection, module_id: int) -> Module:
    """The module, held until the transaction ends; raises ``TS-4003``."""
    module = store.module(conn, module_id, locked=True)
    if module is None:
        raise Fault("TS-4003", detail="no such module")
    return module


def go(
    conn: Connection,
    module: Module,
    deed: Deed,
    at: datetime,
    *,
    country: Country | None = None,
    because: str = "",
) -> State:
    """Do a deed to a locked module: its state, its registration, a report. Raises ``TS-3060``.

    The caller records who did it. ``country`` is needed to register, ``because`` to spoil.
    """
    step = move(module.state, deed)
    if deed is Deed.SPOIL:
        store.note_spoilt(conn, module.module_id, because, at)
    if not store.set_state(conn, module.module_id, module.state, step.to, at):
        raise Fault("TS-3060", detail="the module has moved on meanwhile")
    _carry_out(conn, module, step, at, country)
    if step.is_reported:
        report_store.add(conn, module.module_id, deed.value, report_body(module, deed, step.to, at), at)
    return step.to


def log(
    conn: Connection,
    module: Module,
    deed: Deed,
    actor: str,
    at: datetime,
    *,
    purpose: str = "",
    facts: Mapping[str, str] | None = None,
) -> None:
    """Tell the activity log, last in the transaction."""
    known = {"batch": str(module.batch_id), "line": str(module.line), "slot": str(module.slot)} | dict(facts or {})
    activity.record(
        conn,
        Act(
            at=at,
            actor=actor,
            verb=f"production.{deed.value}",
            object=module.number or f"module {module.module_id}",
            for_whom=module.seller.tin,
            purpose=purpose,
            facts=known,
        ),
    )


def _carry_out(conn: Connection, module: Module, step: Move, at: datetime, country: Country | None) -> None:
    if step.effect is Effect.REGISTER:
        assert country is not None, "a module is registered in some country"
        _register(conn, module, country, at)
    elif step.effect is Effect.ACTIVATE:
        registry.set_state(conn, module.known_number, SecureElementState.ACTIVE, at)
    elif step.effect is Effect.HOLD:
        registry.set_state(conn, module.known_number, SecureElementState.HOLD, at)
    elif step.effect in (Effect.REVOKE, Effect.CLOSE):
        assert step.reason is not None, "a revocation has a reason"
        _revoke(conn, module, step.effect, step.reason, at)


def _register(conn: Connection, module: Module, country: Country, at: datetime) -> None:
    """Enter the module, on hold: nobody sells with it before its taxpayer has it in hand."""
    assert module.certificate is not None, "what is personalised has a certificate"
    seller = module.seller
    premises = Premises(
        tin=seller.tin,
        code=seller.location_name,
        name=seller.location_name,
        address=seller.address,
        city=seller.city,
        district=seller.district,
        country=country.country,
    )
    registry.register_secure_element(
        conn,
        module.certificate,
        environment=country.environment,
        encryption_key=country.encryption_key,
        limit=module.limit,
        premises_id=registry.register_premises(conn, premises),
    )
    registry.set_state(conn, module.known_number, SecureElementState.HOLD, at)


def _revoke(conn: Connection, module: Module, effect: Effect, reason: CrlReason, at: datetime) -> None:
    """Both certificates, and the registration unless it has come to an end already."""
    entry = registered.secure_element(conn, module.known_number)
    if entry is not None and not entry.state.is_final:
        wanted = SecureElementState.CLOSED if effect is Effect.CLOSE else SecureElementState.REVOKED
        registry.set_state(conn, module.known_number, wanted, at, reason=reason.number)
    for certificate in (module.certificate, module.client_certificate):
        if certificate is not None:
            registry.revoke_certificate(conn, sha256(certificate), module.known_number, at, reason.number)


def report_body(module: Module, deed: Deed, state: State, at: datetime) -> bytes:
    """What the tax service is told (S1-046): RFC 8785 JSON, text only."""
    certificate = b"" if module.certificate is None else sha256(module.certificate)
    return msgspec.json.encode(
        {
            "at": str(unix_ms(at)),
            "batch": str(module.batch_id),
            "certificateHash": certificate.hex(),
            "deed": deed.value,
            "formFactor": module.form_factor.value,
            "number": str(module.known_number),
            "state": state.value,
            "tin": str(module.seller.tin),
            "type": "fiscal-module",
            "version": REPORT_VERSION,
        },
        order="sorted",
    )
