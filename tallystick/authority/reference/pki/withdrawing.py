"""An issuing authority is withdrawn after a compromise, by two officers: it is believed from that moment on no more.

Who has its key can certify anybody of its branch. So all that it certified goes with it: from the commit on every
channel refuses its certificates, what they sign later counts for nothing, and no certificate of it renews itself. What
was booked before stays as it is: a withdrawal is never backdated. The root's own list says the same to the world; it is
signed where the root is, and brought afterwards.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries
from tallystick.authority.oversight.approvals.values import Person, Request, State
from tallystick.authority.reference.pki import branch_store, operations, store
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.revoking import reason_of
from tallystick.authority.reference.pki.values import Issuance, Reason
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.profiles import OCSP_RESPONDER
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

WITHDRAW = "pki.withdraw-authority"
REASONS = (Reason.CA_COMPROMISE, Reason.KEY_COMPROMISE)
_ROOTS_WORD = "the root's list revokes it"


def ask(
    conn: Connection, registry: Registry, name: str, reason: Reason, why: str, by: Person, at: datetime
) -> tuple[int, int]:
    """Ask that an issuing authority be withdrawn; a second officer decides.

    Gives the request's number and how many certificates would go with it now. Raises ``TS-3022`` (no such issuing
    authority), ``TS-3023`` (a reason that is none for this), ``TS-3080`` (withdrawn, with all that it certified) and
    what `approvals.ask` raises.
    """
    if name == operations.ROOT or name not in store.authorities(conn):
        raise Fault("TS-3022", detail=f"no issuing authority {name}")
    if reason not in REASONS:
        raise Fault("TS-3023", detail="an authority is withdrawn for " + " or ".join(one.word for one in REASONS))
    count = len(_believed(conn, registry, name, at))
    known = branch_store.withdrawals(conn).get(name)
    if known is not None and not count:
        raise Fault("TS-3080", detail=f"{name} is withdrawn since {known.since:%Y-%m-%d %H:%M:%S} UTC")
    content = {"authority": name, "reason": reason.word}
    return approvals.ask(conn, WITHDRAW, f"authority:{name}", content, why, by, at), count


def withdraw_asked(conn: Connection, registry: Registry, at: datetime) -> str | None:
    """Carry out the oldest request that two officers stand for; the authority's name, none where no request waits.

    Commits in between: the authority itself is ended first, so that no door waits until each of a hundred thousand
    certificates is revoked. A crash between the two leaves the request approved, and it is carried out again.
    """
    if not queries.is_any_approved(conn, (WITHDRAW,)):
        return None
    for waiting in queries.newest(conn, deeds=(WITHDRAW,)):
        if waiting.state is State.APPROVED:
            _end(conn, registry, waiting, at)
    conn.commit()
    request = approvals.take_next(conn, (WITHDRAW,), at)
    if request is None:
        return None
    name, reason = _end(conn, registry, request, at)
    gone = _believed(conn, registry, name, at)
    for issuance in gone:
        assert issuance.certificate_hash is not None, "it is issued"
        registry.revoke(conn, issuance.certificate_hash, issuance.holder, at, Reason.CA_COMPROMISE)
    facts = {"certificates": str(len(gone)), "reason": reason.word, "request": str(request.request_id)}
    act = Act(
        at=at, actor=request.decider, verb=WITHDRAW, object=request.object, purpose=request.reason, facts=facts
    )  # fmt: skip
    activity.record(conn, act)
    return name


def _end(conn: Connection, registry: Registry, request: Request, at: datetime) -> tuple[str, Reason]:
    """End what a request names; where it is ended already, nothing changes."""
    name, reason = request.content["authority"], reason_of(request.content["reason"])
    branch_store.stop_issuing(conn, name)
    _withdraw(conn, registry, name, reason, request.reason, request.decider, at)
    return name, reason


def follow_root_list(conn: Connection, registry: Registry, by: str, at: datetime) -> list[str]:
    """Withdraw what the root's newest list revokes and nobody has withdrawn here; the names.

    Its certificates are refused by their issuer from then on. That each is revoked, too, is for two officers to say.
    """
    told, known = operations.on_root_list(conn), branch_store.withdrawals(conn)
    found = []
    for name, der in store.authorities(conn).items():
        line = told.get(read_facts(der).serial)
        if name == operations.ROOT or line is None or name in known:
            continue
        branch_store.stop_issuing(conn, name)
        _withdraw(conn, registry, name, Reason(line), _ROOTS_WORD, by, at)
        facts = {"reason": Reason(line).word}
        act = Act(at=at, actor=by, verb="pki.follow-root", object=f"authority:{name}", purpose=_ROOTS_WORD, facts=facts)
        activity.record(conn, act)
        found.append(name)
    return found


def _withdraw(conn: Connection, registry: Registry, name: str, reason: Reason, why: str, by: str, at: datetime) -> None:
    if branch_store.add_withdrawal(conn, name, at, reason, why, by):
        registry.revoke(conn, sha256(store.authorities(conn)[name]), f"authority:{name}", at, reason)


def _believed(conn: Connection, registry: Registry, name: str, at: datetime) -> list[Issuance]:
    """What it has certified and nobody has revoked for good; not its responder, which answers for the rest."""
    gone = {one.certificate_hash for one in registry.revocations(conn) if one.reason != Reason.CERTIFICATE_HOLD}
    live = store.live_of(conn, authority=name, tin="", profile="", at=at)
    return [one for one in live if one.certificate_hash not in gone and one.profile != OCSP_RESPONDER.name]
