"""Who has a name here: officers and operators, whom two officers appoint, and the others, for whom one is enough.

Every deed of an authority asks who acts, so its first officers are entered when it is founded, from the machine itself;
from then on nobody makes an officer alone, or four eyes would be two.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.registry import operations, store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import parse_tin
from tallystick.kernel.reasons import read_reason

log = logging.getLogger(__name__)


class Role(StrEnum):
    """What a user is to the authority."""

    OPERATOR = "operator"
    OFFICER = "officer"
    SERVICE_CENTRE = "service_centre"
    TAXPAYER = "taxpayer"
    MANUFACTURER = "manufacturer"
    DEVELOPER = "developer"


APPOINT = "registry.appoint"
"""The deed that needs two officers."""
APPOINTED = frozenset({Role.OFFICER, Role.OPERATOR})
BOUND = frozenset({Role.SERVICE_CENTRE, Role.TAXPAYER})
"""Who acts for taxpayers, and for which of them."""
OFFICERS_LEAST = 2
NAME_CHARACTERS = 200
_UNUSABLE = "!"
"""As a hash it fits nothing; how one signs in is the pages' matter."""

_USERNAME = re.compile(r"[a-z][a-z0-9._-]{0,31}", re.ASCII)


def found_officers(conn: Connection, officers: Mapping[str, str], actor: str, at: datetime) -> None:
    """Enter an authority's first officers: names as people know them by user name, two at least.

    ``actor`` is the account of the machine. It is allowed while fewer than two officers are active, for nobody could be
    appointed then. Raises ``TS-4007`` (there are two, or a name is taken), ``TS-1220`` (a name, or fewer than two).
    """
    store.take_turns_with_users(conn)
    if store.count_active(conn, Role.OFFICER) >= OFFICERS_LEAST:
        raise Fault("TS-4007", detail="there are officers: two of them appoint another")
    if len(officers) < OFFICERS_LEAST:
        raise _wrong("/officers", f"{OFFICERS_LEAST} officers at least")
    for username, display_name in officers.items():
        _enter(conn, username, display_name, Role.OFFICER)
        _record(conn, "registry.found-officer", username, actor, at, "the authority begins", {})
    log.warning("the first officers were entered", extra={"officers": ", ".join(sorted(officers)), "by": actor})


def add_user(
    conn: Connection, username: str, display_name: str, role: Role, reason: str, by: Person, at: datetime
) -> int | None:
    """Let somebody in, or in again: at once, or by a request whose number this is, where two officers appoint.

    Raises ``TS-1220`` (name or reason), ``TS-4007`` (the name is taken), ``TS-4003`` (who asks is no officer) and
    ``TS-4004`` (such a request is open).
    """
    words = read_reason(reason)
    _check(username, display_name)
    _require_free(conn, username, role)
    if role in APPOINTED:
        if by.role != Role.OFFICER:
            raise Fault("TS-4003", detail="officers appoint officers and operators")
        content = {"name": display_name, "role": str(role)}
        return approvals.ask(conn, APPOINT, f"user:{username}", content, words, by, at)
    _enter(conn, username, display_name, role)
    _record(conn, "registry.add-user", username, by.actor, at, words, {"role": str(role)})
    return None


def appoint(conn: Connection, request: Request, at: datetime) -> None:
    """Carry an approved appointment out; where the name was taken meanwhile an act says that nothing was done."""
    username = request.object.removeprefix("user:")
    facts = {"asked_by": request.asked_by, "request": str(request.request_id), "role": request.content["role"]}
    verb = APPOINT
    try:
        _enter(conn, username, request.content["name"], Role(request.content["role"]))
    except Fault as fault:
        facts["code"], verb = fault.code, "registry.not-appointed"
    _record(conn, verb, username, request.decider, at, request.reason, facts)


def dismiss(conn: Connection, username: str, reason: str, by: Person, at: datetime) -> None:
    """Keep somebody out from now on, whoever he is; one officer is enough, for it must be quick.

    Raises ``TS-4003`` (no active user of that name) and ``TS-1220`` (reason).
    """
    words = read_reason(reason)
    user = store.user_by_name(conn, username)
    if user is None or not user.is_active:
        raise Fault("TS-4003", detail="no active user has this name")
    operations.set_user_active(conn, username, False)
    _record(conn, "registry.dismiss-user", username, by.actor, at, words, {"role": user.role})


def bind(conn: Connection, username: str, tin: str, reason: str, by: Person, at: datetime) -> bool:
    """Let a taxpayer's or a service centre's user act for a registered taxpayer; false when he does already.

    Raises ``TS-1313`` (no such taxpayer), ``TS-4003`` (no such user, or one who acts for nobody) and ``TS-1220``.
    """
    words = read_reason(reason)
    if store.taxpayer(conn, parse_tin(tin)) is None:
        raise Fault("TS-1313", detail="no such taxpayer is registered")
    user = store.user_by_name(conn, username)
    if user is None or user.role not in BOUND:
        raise Fault("TS-4003", detail=f"no user of this name is a {' or a '.join(sorted(BOUND))}".replace("_", " "))
    changed = operations.let_user_act_for(conn, username, tin)
    if changed:
        _record(conn, "registry.bind-user", username, by.actor, at, words, {}, tin)
    return changed


def release(conn: Connection, username: str, tin: str, reason: str, by: Person, at: datetime) -> None:
    """End that; raises ``TS-4003`` when he does not act for this taxpayer, and ``TS-1220``."""
    words = read_reason(reason)
    if not operations.end_user_acting_for(conn, username, tin):
        raise Fault("TS-4003", detail="this user does not act for this taxpayer")
    _record(conn, "registry.release-user", username, by.actor, at, words, {}, tin)


def _check(username: str, display_name: str) -> None:
    if _USERNAME.fullmatch(username) is None:
        raise _wrong("/username", "small letters, digits, and . _ - behind a letter, 32 at most")
    if not display_name.strip() or not display_name.isprintable() or len(display_name) > NAME_CHARACTERS:
        raise _wrong("/name", f"a printable name of at most {NAME_CHARACTERS} characters")


def _require_free(conn: Connection, username: str, role: Role) -> None:
    """A name belongs to one person for ever, for acts name him by it; in again he comes in the role that he had."""
    user = store.user_by_name(conn, username)
    if user is not None and (user.is_active or user.role != role):
        raise Fault("TS-4007", detail="the name is taken")


def _enter(conn: Connection, username: str, display_name: str, role: Role) -> None:
    _check(username, display_name)
    _require_free(conn, username, role)
    if operations.create_user(conn, username, _UNUSABLE, display_name, role) is None:
        operations.set_user_active(conn, username, True)


def _record(
    conn: Connection, verb: str, username: str, actor: str, at: datetime, why: str, facts: dict[str, str], tin: str = ""
) -> None:
    thing = f"user:{username}"
    activity.record(
        conn, Act(at=at, actor=actor, verb=verb, object=thing, for_whom=tin, purpose=why, facts=facts)
    )  # fmt: skip


def _wrong(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
