"""The PKI as a person reads it: authorities with their ends and lists, certificates with their states."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import psycopg

from tallystick.authority.reference.pki import lists, queries, succession
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.values import Issuance, IssuanceState, KeptList, Reason
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.generations import branch_of, generation_of
from tallystick.crypto.profiles import ISSUES_FOR

Connection = psycopg.Connection[tuple[object, ...]]
_ROOT = "root"
_REVOKE, _HOLD, _LIFT = ("revoke", "Revoke for good"), ("hold", "Put on hold"), ("lift", "Take off hold")
_LATE_AFTER = timedelta(minutes=15)
_WARN_BEFORE = timedelta(days=30)


@attrs.frozen(slots=True, kw_only=True)
class AuthorityLine:
    """An authority. ``next_due`` is when its next list is made, for the root by when one must be brought."""

    name: str
    subject: str
    issues_until: datetime
    not_after: datetime
    kept: KeptList | None
    next_due: datetime | None
    revoked_since: datetime | None
    warnings: tuple[str, ...]

    @property
    def bad(self) -> bool:
        """Whether it calls for somebody."""
        return bool(self.warnings)


@attrs.frozen(slots=True, kw_only=True)
class CertificateLine:
    """A certificate. ``deeds`` are what may be done about it now: addresses and words."""

    issuance: Issuance
    digest: str
    serial: str
    subject: str
    state: str
    bad: bool
    deeds: tuple[tuple[str, str], ...]


def authority_lines(conn: Connection, registry: Registry, now: datetime) -> list[AuthorityLine]:
    """The root first, then the issuing authorities by branch and age."""
    known, newest = queries.authorities(conn), queries.newest_lists(conn)
    names = sorted(known, key=lambda name: (name != _ROOT, branch_of(name), generation_of(name)))
    issuing = {succession.issuing(conn, branch, now) for branch in {branch_of(name) for name in names}}
    return [_authority(conn, registry, name, known[name], newest.get(name), name in issuing, now) for name in names]


def _authority(
    conn: Connection,
    registry: Registry,
    name: str,
    der: bytes,
    kept: KeptList | None,
    is_issuing: bool,
    now: datetime,
) -> AuthorityLine:
    """``is_issuing``: it is the one of its branch that certifies, or would; another one's years may end quietly."""
    facts = read_facts(der)
    issues_until = facts.not_after if name == _ROOT else min(facts.not_before + ISSUES_FOR, facts.not_after)
    next_due = None if kept is None else kept.next_update if name == _ROOT else kept.this_update + lists.EVERY
    revoked = registry.revocation(conn, facts.sha256)
    stands = revoked is not None and revoked.lifted_at is None
    return AuthorityLine(
        name=name,
        subject=facts.subject,
        issues_until=issues_until,
        not_after=facts.not_after,
        kept=kept,
        next_due=next_due,
        revoked_since=revoked.revoked_at if revoked is not None and stands else None,
        warnings=tuple(
            _warnings(kept, next_due, issues_until if is_issuing else facts.not_after, facts.not_after, stands, now)
        ),
    )


def _warnings(
    kept: KeptList | None,
    next_due: datetime | None,
    issues_until: datetime,
    not_after: datetime,
    is_revoked: bool,
    now: datetime,
) -> list[str]:
    found = []
    if is_revoked:
        found.append("it is revoked")
    if kept is None or next_due is None:
        found.append("it has no revocation list")
    elif now >= kept.next_update:
        found.append("its revocation list has ended")
    elif now >= next_due + _LATE_AFTER:
        found.append("its next revocation list is late")
    if now >= not_after:
        found.append("its certificate has ended")
    elif now >= issues_until:
        found.append("it issues no more")
    elif now >= issues_until - _WARN_BEFORE:
        found.append("it soon issues no more")
    return found


def certificate_line(conn: Connection, registry: Registry, issuance: Issuance, now: datetime) -> CertificateLine:
    """One certificate with its state now."""
    digest = issuance.certificate_hash or b""
    subject = "" if issuance.certificate is None else read_facts(issuance.certificate).subject
    state, bad, deeds = _state(conn, registry, issuance, digest, now)
    return CertificateLine(
        issuance=issuance,
        digest=digest.hex(),
        serial=f"{issuance.serial:x}",
        subject=subject,
        state=state,
        bad=bad,
        deeds=deeds,
    )


def _state(
    conn: Connection, registry: Registry, issuance: Issuance, digest: bytes, now: datetime
) -> tuple[str, bool, tuple[tuple[str, str], ...]]:
    if issuance.state is not IssuanceState.ISSUED:
        return ("begun" if issuance.state is IssuanceState.INTENT else "void: begun and never finished"), False, ()
    found = registry.revocation(conn, digest)
    revoked = None if found is None or found.lifted_at is not None else found
    if revoked is not None and revoked.reason == Reason.CERTIFICATE_HOLD:
        return f"on hold since {revoked.revoked_at:%Y-%m-%d %H:%M} UTC", True, (_LIFT, _REVOKE)
    if revoked is not None:
        return f"revoked since {revoked.revoked_at:%Y-%m-%d %H:%M} UTC: {Reason(revoked.reason).word}", True, ()
    if now >= issuance.not_after:
        return "ended", False, ()
    return "in force", False, (_REVOKE, _HOLD)
