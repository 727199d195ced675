"""Revocation with reason and moment; a hold can be taken back; many at once need two officers (security 2.5).

The registry holds the one truth: what is revoked here is refused by every channel from the commit on, stands on the
next list, which is made at once, and in each OCSP answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import store
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.values import Issuance, IssuanceState, Reason
from tallystick.authority.room_queries import Connection
from tallystick.crypto.profiles import OCSP_RESPONDER
from tallystick.kernel.faults import Fault

REVOKE_MANY = "pki.revoke-many"
_SELECTORS = ("authority", "profile", "tin")


def find(conn: Connection, text: str) -> Issuance:
    """A certificate by the hex of its SHA-256, or by authority and hex serial number (``device-ca/1f…``).

    Raises ``TS-3022``.
    """
    name, slash, number = text.partition("/")
    try:
        found = store.by_serial(conn, name, int(number, 16)) if slash else store.by_hash(conn, bytes.fromhex(text))
    except (ValueError, OverflowError):
        found = None
    if found is None or found.state is not IssuanceState.ISSUED:
        raise Fault("TS-3022", detail="no such certificate")
    return found


def revoke(
    conn: Connection, registry: Registry, issuance: Issuance, reason: Reason, by: str, why: str, at: datetime
) -> None:
    """Revoke one certificate from this moment on; *certificateHold* can be taken back by `release`.

    After *keyCompromise* nobody gets a certificate for its key. Raises ``TS-3023`` when it is revoked for good already.
    """
    digest = _hash_of(issuance)
    before = registry.revocation(conn, digest)
    if before is not None and before.lifted_at is None:
        is_step_on = before.reason == Reason.CERTIFICATE_HOLD and reason is not Reason.CERTIFICATE_HOLD
        if not is_step_on:
            raise Fault("TS-3023", detail=f"it is revoked since {before.revoked_at:%Y-%m-%d %H:%M:%S} UTC")
    registry.revoke(conn, digest, issuance.holder, at, reason)
    _block(conn, issuance, reason, at)
    _log(conn, "pki.revoke", issuance, by, why, at, {"reason": reason.word})


def release(conn: Connection, registry: Registry, issuance: Issuance, by: str, why: str, at: datetime) -> None:
    """Take a certificate off hold; raises ``TS-3023`` when it is not on hold."""
    if not registry.lift(conn, _hash_of(issuance), at):
        raise Fault("TS-3023", detail="it is not on hold")
    _log(conn, "pki.release", issuance, by, why, at, {})


def ask_for_many(
    conn: Connection, selection: Mapping[str, str], reason: Reason, why: str, by: Person, at: datetime
) -> tuple[int, int]:
    """Ask that all live certificates of an authority, a profile or a taxpayer be revoked; a second officer decides.

    Gives the request's number and how many it would be now. Raises ``TS-3022`` (it would be none) and what
    `approvals.ask` raises.
    """
    chosen = {name: selection.get(name, "") for name in _SELECTORS}
    count = len(_selected(conn, chosen, at)) if any(chosen.values()) else 0
    if not count:
        raise Fault("TS-3022", detail="no live certificate fits")
    if reason is Reason.CERTIFICATE_HOLD:
        raise Fault("TS-3023", detail="a hold is for one certificate")
    thing = " ".join(f"{name}={value}" for name, value in chosen.items() if value)
    content = chosen | {"reason": reason.word}
    return approvals.ask(conn, REVOKE_MANY, thing, content, why, by, at), count


def revoke_asked(conn: Connection, registry: Registry, at: datetime) -> int | None:
    """Carry out the oldest request that two officers stand for; how many it was, none where no request waits.

    A certificate that is revoked already stays as it is.
    """
    request = approvals.take_next(conn, (REVOKE_MANY,), at)
    if request is None:
        return None
    reason = reason_of(request.content["reason"])
    chosen = {name: request.content.get(name, "") for name in _SELECTORS}
    count = 0
    for issuance in _selected(conn, chosen, at):
        before = registry.revocation(conn, _hash_of(issuance))
        if before is None or before.lifted_at is not None or before.reason == Reason.CERTIFICATE_HOLD:
            registry.revoke(conn, _hash_of(issuance), issuance.holder, at, reason)
            _block(conn, issuance, reason, at)
            count += 1
    act = Act(
        at=at,
        actor=request.decider,
        verb="pki.revoke-many",
        object=request.object,
        for_whom=chosen["tin"],
        purpose=request.reason,
        facts={"count": str(count), "reason": reason.word, "request": str(request.request_id)},
    )
    activity.record(conn, act)
    return count


def _block(conn: Connection, issuance: Issuance, reason: Reason, at: datetime) -> None:
    """A key that others may have gets no certificate any more."""
    if reason is Reason.KEY_COMPROMISE:
        store.block_key(conn, issuance.key_hash, "compromised", at)


def reason_of(word: str) -> Reason:
    """A reason as a person types it; raises ``TS-3023``."""
    for reason in Reason:
        if reason.word == word:
            return reason
    raise Fault("TS-3023", detail="reasons are " + ", ".join(reason.word for reason in Reason))


def _selected(conn: Connection, chosen: Mapping[str, str], at: datetime) -> list[Issuance]:
    """The authority's own responder is left out unless it is named: who asks for the rest must get an answer."""
    found = store.live_of(conn, authority=chosen["authority"], tin=chosen["tin"], profile=chosen["profile"], at=at)
    return [one for one in found if one.profile != OCSP_RESPONDER.name or chosen["profile"]]


def _hash_of(issuance: Issuance) -> bytes:
    if issuance.certificate_hash is None:
        raise Fault("TS-3022", detail="no such certificate")
    return issuance.certificate_hash


def _log(
    conn: Connection, verb: str, issuance: Issuance, by: str, why: str, at: datetime, facts: Mapping[str, str]
) -> None:
    act = Act(
        at=at,
        actor=by,
        verb=verb,
        object=f"certificate:{issuance.authority}/{issuance.serial:x}",
        for_whom=issuance.tin,
        purpose=why,
        facts=dict(facts) | {"holder": issuance.holder},
    )
    activity.record(conn, act)
