"""What may be done with makers and builds: register, submit, certify, refuse, suspend, take up again, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.builds import store
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.builds import NEXT_STATES, BuildState
from tallystick.kernel.faults import Fault
from tallystick.kernel.reasons import read_reason
from tallystick.wire.build_manifest import key_id, read_manifest

REVOKE = "builds.revoke"
"""The deed of a revocation: it stops every device with that build, so two officers decide."""


def register_maker(
    conn: Connection, maker: str, name: str, release_key: PublicKey, by: Person, at: datetime, *, user_id: int | None
) -> None:
    """A maker and the key that his manifests are signed with; the same again changes nothing.

    Raises ``TS-3003`` (not a P-256 key) and ``TS-3004`` (name or key of another).
    """
    if release_key.kind is not KeyKind.P256:
        raise Fault("TS-3003", detail="a release key is on P-256")
    if not store.add_maker(conn, maker, name, release_key.spki, user_id, at):
        known = store.maker(conn, maker)
        if known is None or known.release_key != release_key.spki:
            raise Fault("TS-3004", detail="the name or the key is another maker's")
        return
    _record(conn, "builds.register-maker", by.actor, maker, name, at)


def submit(conn: Connection, compact: bytes, by: str, at: datetime) -> str:
    """Take a maker's signed manifest; returns the build's id. The same bytes again change nothing.

    Raises ``TS-1003``, ``TS-1201``, ``TS-1220`` (form), ``TS-1311`` (maker unknown, not active or with another key),
    ``TS-1312`` (signature), ``TS-3071`` (another manifest of this version is there).
    """
    signed = read_manifest(compact)
    maker = store.maker(conn, signed.manifest.maker)
    if maker is None or not maker.is_active or key_id(maker.release_key) != signed.key_id:
        raise Fault("TS-1311", detail="no active maker has this name and this release key")
    verify_es256(PublicKey.from_spki(maker.release_key), signed.signing_input, signed.signature, moment=at)
    if not store.add_build(conn, signed, at):
        if store.build(conn, signed.build_id) is None:
            raise Fault("TS-3071", detail="another manifest of this version was submitted before")
        return signed.build_id
    _record(conn, "builds.submit", by, signed.build_id, f"{signed.manifest.product} {signed.manifest.version}", at)
    return signed.build_id


def certify(conn: Connection, build_id: str, by: Person, reason: str, at: datetime) -> None:
    """Certify a build, or take a suspended one up again; raises ``TS-4003``, ``TS-4007``, ``TS-1220``."""
    _decide(conn, build_id, BuildState.CERTIFIED, by, reason, at)


def refuse(conn: Connection, build_id: str, by: Person, reason: str, at: datetime) -> None:
    """Do not certify a build; faults as ``certify``."""
    _decide(conn, build_id, BuildState.REFUSED, by, reason, at)


def suspend(conn: Connection, build_id: str, by: Person, reason: str, at: datetime) -> None:
    """Stop every device with this build at its next connection, until further notice; faults as ``certify``."""
    _decide(conn, build_id, BuildState.SUSPENDED, by, reason, at)


def ask_to_revoke(conn: Connection, build_id: str, by: Person, reason: str, at: datetime) -> int:
    """Ask that a build be revoked for good; another officer must approve. Faults as ``certify``, and ``TS-4004``."""
    _next(conn, build_id, BuildState.REVOKED)
    return approvals.ask(conn, REVOKE, build_id, {}, reason, by, at)


def revoke(conn: Connection, request: Request, at: datetime) -> None:
    """Carry an approved revocation out; one that came too late (refused meanwhile) changes nothing."""
    build = store.build(conn, request.object, lock=True)
    if build is None or BuildState.REVOKED not in NEXT_STATES[build.state]:
        return
    by = f"{request.asked_by}, {request.decided_by}"
    store.decide(conn, request.object, BuildState.REVOKED, by, request.reason, at)
    _record(conn, "builds.revoked", request.decider, request.object, request.reason, at)


def prove(conn: Connection, uid: str, build_id: str, at: datetime) -> None:
    """Note that a device proved a build when it came."""
    store.note_proved(conn, [(uid, build_id, at)])


def prove_all(conn: Connection, proved: Sequence[tuple[str, str, datetime]]) -> None:
    """The same for many: device, build and moment, each device and build once; rows are taken in the order given."""
    store.note_proved(conn, proved)


def _decide(conn: Connection, build_id: str, state: BuildState, by: Person, reason: str, at: datetime) -> None:
    words = read_reason(reason)
    _next(conn, build_id, state)
    store.decide(conn, build_id, state, by.username, words, at)
    _record(conn, f"builds.{state}", by.actor, build_id, words, at)


def _next(conn: Connection, build_id: str, state: BuildState) -> None:
    build = store.build(conn, build_id, lock=True)
    if build is None:
        raise Fault("TS-4003", detail="no such build")
    if state not in NEXT_STATES[build.state]:
        raise Fault("TS-4007", detail=f"the build is {build.state}, and does not become {state}")


def _record(conn: Connection, verb: str, actor: str, thing: str, purpose: str, at: datetime) -> None:
    activity.record(conn, Act(at=at, actor=actor, verb=verb, object=thing, purpose=purpose))
