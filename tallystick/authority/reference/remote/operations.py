"""What may be done with commands: give, sign, fetch, answer. The caller's transaction is the unit of work."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from itertools import islice, takewhile

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.remote import store
from tallystick.authority.reference.remote.ports import Device, Devices
from tallystick.authority.reference.remote.values import GivenCommand, Sort, Taken
from tallystick.authority.room_queries import Connection
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import (
    LIFETIME,
    CommandKind,
    FirmwareNotice,
    Outcome,
    PolicyChange,
    Wanted,
    malformed,
    supersedes,
)
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.kernel.reasons import read_reason
from tallystick.wire.device_command import SignedResult, signed_command, unsigned_command

OPEN_MOST = 100
"""How many commands may wait for one device."""
FETCH_MOST, SIGN_MOST = 50, 200
WHO_COMMANDS = frozenset({"officer", "operator"})
_OF_A_TAXPAYER = frozenset({CommandKind.HOLD, CommandKind.RESEND})

Sign = Callable[[bytes], bytes]
"""Makes the 64 bytes of an ES256 signature over what is to be signed, and records the use of the key."""


def give(
    conn: Connection,
    devices: Devices,
    rules: ChannelRules,
    uid: str,
    wanted: Wanted,
    reason: str,
    by: Person,
    at: datetime,
) -> GivenCommand:
    """Give a device a command. A hold or a release is done in the registry at the same moment.

    Officers give every kind. A taxpayer may have his own device held, may have it send documents again and may set the
    text of its receipts; taking off hold stays with officers, who know why a device was held.

    Raises ``TS-1220`` (reason), ``TS-4003`` (no such device, or not his), ``TS-3301`` (not this person's to give),
    ``TS-3300`` (more than the country gives, a build by a date that is over), ``TS-2406`` (a build that is not
    certified for such a device), ``TS-3309`` (closed, or of no till) and ``TS-3308`` (too many wait).
    """
    words = read_reason(reason)
    device = devices.device(conn, uid)
    if device is None:
        raise Fault("TS-4003", detail="no such device, or not yours")
    devices.require_acts_for(conn, by, device.tin)
    if by.role not in WHO_COMMANDS and not _is_a_taxpayers(wanted):
        raise Fault("TS-3301", detail=f"{wanted.kind} is an officer's to give")
    require_can_take(device)
    require_sensible(conn, devices, rules, wanted, device.device_class, at)
    given = enter(conn, devices, device, wanted, words, by.actor, at)
    facts = {"kind": str(wanted.kind), "number": str(given.number)}
    act = Act(
        at=at, actor=by.actor, verb="remote.command", object=f"device:{uid}", for_whom=device.tin, purpose=words,
        facts=facts,
    )  # fmt: skip
    activity.record(conn, act)
    return given


def _is_a_taxpayers(wanted: Wanted) -> bool:
    return wanted.kind in _OF_A_TAXPAYER or (isinstance(wanted, PolicyChange) and wanted.members == {"receipt_text"})


def require_can_take(device: Device) -> None:
    """Raise ``TS-3309`` for a device that no command reaches: one that is closed for good, or no register."""
    if device.state is DeviceState.CLOSED:
        raise Fault("TS-3309", detail="the device is closed for good")
    if device.device_class == DeviceClass.VSDC:
        raise Fault("TS-3309", detail="a hosted signer is no device of these channels")


def require_sensible(
    conn: Connection, devices: Devices, rules: ChannelRules, wanted: Wanted, device_class: int | None, at: datetime
) -> None:
    """Raise ``TS-3300`` and ``TS-2406`` for what no device could carry out, as `give` says."""
    if isinstance(wanted, PolicyChange):
        wanted.require_within(rules)
    if isinstance(wanted, FirmwareNotice):
        if wanted.install_by_ms <= unix_ms(at):
            raise malformed("/install_by", "a moment that is not over")
        devices.require_build(conn, wanted.build, device_class)


def enter(
    conn: Connection,
    devices: Devices,
    device: Device,
    wanted: Wanted,
    reason: str,
    by: str,
    at: datetime,
    request_id: int | None = None,
) -> GivenCommand:
    """Put a command into a device's row of commands; it is signed a moment later. Raises ``TS-3308``."""
    at = from_unix_ms(unix_ms(at))  # the wire has no more than milliseconds
    given = GivenCommand(
        uid=Uid(device.uid),
        number=store.next_number(conn, device.uid),
        wanted=wanted,
        issued_at=at,
        expires_at=at + LIFETIME[wanted.kind],
    )
    waiting = store.open_commands(conn, device.uid, at)
    replaced = [one.number for one in waiting if supersedes(wanted, one.wanted)]
    if len(waiting) - len(replaced) >= OPEN_MOST:
        raise Fault("TS-3308", detail=f"{OPEN_MOST} commands wait for this device", retry_after_seconds=3600)
    store.add(conn, given, request_id)
    store.supersede(conn, device.uid, replaced, given.number, at)
    if wanted.kind is CommandKind.HOLD:
        devices.hold(conn, device.uid, at, reason, by)
    elif wanted.kind is CommandKind.RELEASE:
        devices.release(conn, device.uid, at, reason, by)
    return given


def sign_waiting(conn: Connection, audience: str, kid: bytes, sign: Sign, at: datetime) -> int:
    """Sign what waits, oldest first; returns how many were. Commits in between: the intent before the key is asked.

    ``kid`` is the SHA-256 of the signer's certificate. Raises ``TS-5004`` when the key is away: nothing is lost, and
    the same command is tried again.
    """
    signed = 0
    for given in store.unsigned(conn, at, SIGN_MOST):
        unsigned = unsigned_command(given.in_environment(audience), kid)
        digest = sha256(unsigned)
        if not store.begin_signing(conn, given, kid, digest):
            continue
        compact = signed_command(unsigned, sign(unsigned))
        if store.finish_signing(conn, given, digest, compact, at):
            facts = {"kid": kid.hex(), "number": str(given.number)}
            act = Act(
                at=at, actor="process:pki", verb="remote.sign", object=f"device:{given.uid}",
                after=sha256(compact).hex(), facts=facts,
            )  # fmt: skip
            activity.record(conn, act)
            signed += 1
        conn.commit()
    return signed


def fetch(conn: Connection, uid: str, at: datetime) -> list[GivenCommand]:
    """The signed commands that a device has not answered, in their order; noted as fetched.

    None is handed out before an earlier one has its signature: a device skips what comes behind a later number.
    """
    signed = takewhile(lambda one: one.compact is not None, store.open_commands(conn, uid, at))
    waiting = list(islice(signed, FETCH_MOST))
    unseen = [one.number for one in waiting if one.fetched_at is None]
    if unseen:
        store.mark_fetched(conn, uid, unseen, at)
    return waiting


def take_result(conn: Connection, signed: SignedResult, tin: str, at: datetime) -> Taken:
    """Take what a device says about a command; address and signature are checked by the caller.

    The same word again changes nothing. A word that contradicts the command or what was said before is kept as well,
    once a command, and changes nothing else: the caller refuses it with ``TS-3306``, after the commit. Raises
    ``TS-3307`` for a command that the device never got.
    """
    result = signed.result
    command = store.command(conn, result.device, result.number, lock=True)
    if command is None or command.compact is None:
        raise Fault("TS-3307", detail="no such command for this device")
    known = store.results(conn, result.device, result.number)
    for sort in (Sort.FINAL, Sort.ACCEPTED):
        if sort in known and known[sort][0].says_the_same_as(result):
            return Taken(sort, False, known[sort][1])
    against = _contradiction(command, known, signed)
    sort = Sort.CONTRADICTION if against else Sort.FINAL if result.outcome.is_final else Sort.ACCEPTED
    is_new = store.add_result(conn, signed, sort, at)
    if sort is Sort.FINAL:
        store.mark_answered(conn, result.device, result.number, at)
    if is_new and sort is not Sort.ACCEPTED:
        _note(conn, signed, sort, against, tin, at)
    return Taken(sort, is_new, at, against)


def _contradiction(command: GivenCommand, known: Collection[Sort], signed: SignedResult) -> str:
    """What speaks against a result; empty where nothing does."""
    result = signed.result
    assert command.compact is not None
    if result.command_hash != sha256(command.compact):
        return "it names another command than the one of this number"
    if Sort.FINAL in known:
        return "another end of this command was told before"
    if Sort.ACCEPTED in known and result.outcome is Outcome.ACCEPTED:
        return "another acceptance of this command was told before"
    if result.outcome is Outcome.DONE:
        if result.made_ms >= unix_ms(command.expires_at):
            return "it was carried out after its end"
        wanted = {CommandKind.HOLD: "hold", CommandKind.RELEASE: "active"}.get(command.kind)
        if wanted is not None and result.state != wanted:
            return f"the device says that it is {result.state} after that"
    return ""


def _note(conn: Connection, signed: SignedResult, sort: Sort, against: str, tin: str, at: datetime) -> None:
    result = signed.result
    facts = {"number": str(result.number), "outcome": str(result.outcome)}
    if against:
        facts["against"] = against
    act = Act(
        at=at, actor=f"device:{result.device}", verb="remote.contradiction" if against else "remote.result",
        object=f"device:{result.device}", for_whom=tin, after=sha256(signed.compact).hex(), facts=facts,
    )  # fmt: skip
    activity.record(conn, act)
