"""The local audit of one medium: commands first, then Start Audit, then packages, oldest first (S2-096 to S2-102).

A conversation without I/O, like the rounds of the remote audit. Both share store and card, so a cycle begun with one
may be finished with the other (S2-107). Packages stay on the device until a proof of audit; nothing here deletes any.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import attrs

from tallystick.device.esdc.conversation import Conversation, ask
from tallystick.device.esdc.local_audit_needs import (
    DropRequest,
    LocalView,
    LookForMedium,
    ObeyFromMedium,
    OweRequest,
    Prepare,
    ReadCommands,
    ReadPiece,
    ReadResults,
    StartForMedium,
    UntoldResults,
    WritePiece,
    WriteResults,
)
from tallystick.device.esdc.local_audit_state import LocalAuditBoard, MediumState, Phase, Trouble
from tallystick.device.esdc.medium import MediumError, MediumFull, MediumGone, MediumReadOnly
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.instants import Clock, from_unix_ms
from tallystick.wire.taxcore_api import Command, CommandReport, read_commands, read_reports, write_reports

log = logging.getLogger(__name__)

PIECE_PACKAGES = 16
_TROUBLE: tuple[tuple[type[MediumError], Trouble], ...] = (
    (MediumFull, Trouble.FULL),
    (MediumReadOnly, Trouble.READ_ONLY),
    (MediumGone, Trouble.GONE),
)


def serve_medium(name: str, board: LocalAuditBoard, clock: Clock) -> Conversation[MediumState]:
    """Do everything that a medium is there for; never raises ``MediumError``, the state says what went wrong."""
    work = _Work(MediumState(phase=Phase.COMMANDS, medium=name), board)
    board.show(work.state)
    try:
        view = yield from ask(LookForMedium())
        if view.uid:
            yield from _commands(work, view.uid, clock)
        view = yield from ask(LookForMedium())  # a proof of audit among the commands leaves less to copy
        yield from _copy(work, view)
    except MediumError as error:
        work.note(phase=Phase.FAILED, trouble=_trouble(error))
        log.warning("medium %s: %s", name, error)
    except PosFault as error:
        work.note(phase=Phase.FAILED, trouble=Trouble.NO_CARD)
        log.warning("medium %s: the card was taken out: %s", name, error)
    else:
        work.note(phase=Phase.DONE)
    return work.state


@attrs.define(slots=True)
class _Work:
    """The state as it grows."""

    state: MediumState
    board: LocalAuditBoard

    def note(self, **changes: object) -> None:
        """Show a change."""
        self.state = attrs.evolve(self.state, **changes)  # type: ignore[arg-type]  # names and kinds are the state's
        self.board.show(self.state)


def _trouble(error: MediumError) -> Trouble:
    return next((trouble for kind, trouble in _TROUBLE if isinstance(error, kind)), Trouble.UNREADABLE)


# Commands, before the export begins


def _commands(work: _Work, uid: str, clock: Clock) -> Conversation[None]:
    """Carry out what is new in the commands file, and write results: these, and what nobody was told yet (S2-102)."""
    work.note(uid=uid)
    commands = yield from _read_file_of_commands(work, uid)
    told = yield from _read_file_of_results(work, uid)
    known = {report.command_id.upper() for report in told or ()}
    new = _new_commands(commands, uid, known)
    outcomes = (yield from ask(ObeyFromMedium(uid, new))) if new else []
    done = [(number, success) for number, success in outcomes if success is not None]
    waiting = len(outcomes) - len(done)
    work.note(
        commands=len(done),
        commands_failed=sum(not success for _, success in done),
        commands_waiting=waiting,
        **({"trouble": Trouble.PIN} if waiting else {}),
    )
    if told is None:
        return  # a file that we cannot read is not ours to replace: these results go another way
    untold = yield from ask(UntoldResults(uid))
    reports = _reports(told, done, untold, clock())
    if len(reports) > len(told):
        yield from _write_results(work, uid, reports)


def _read_file_of_commands(work: _Work, uid: str) -> Conversation[tuple[Command, ...]]:
    try:
        return read_commands((yield from ask(ReadCommands(uid))) or b"")
    except MediumGone:
        raise
    except (Fault, MediumError) as error:
        work.note(trouble=Trouble.UNREADABLE)
        log.warning("the commands of card %s cannot be read: %s", uid, error)
        return ()


def _read_file_of_results(work: _Work, uid: str) -> Conversation[tuple[CommandReport, ...] | None]:
    try:
        content = yield from ask(ReadResults(uid))
        return read_reports(content) if content and content.strip() else ()
    except MediumGone:
        raise
    except (Fault, MediumError) as error:
        work.note(trouble=Trouble.UNREADABLE)
        log.warning("the results of card %s cannot be read: %s", uid, error)
        return None


def _new_commands(commands: Sequence[Command], uid: str, known: set[str]) -> tuple[Command, ...]:
    """Those for this card without a result on the medium, each once, in their order."""
    ours = [one for one in commands if one.uid.upper() == uid and one.command_id.upper() not in known]
    return tuple({one.command_id.upper(): one for one in ours}.values())


def _reports(
    told: Sequence[CommandReport],
    done: Sequence[tuple[str, bool]],
    untold: Sequence[tuple[str, bool, int]],
    now: datetime,
) -> list[CommandReport]:
    """The file's lines, then those of this medium's commands, then what was carried out elsewhere and told nobody."""
    reports = {report.command_id.upper(): report for report in told}
    for number, success in done:
        reports.setdefault(number.upper(), CommandReport(number, success, now))
    for number, success, received_ms in untold:
        reports.setdefault(number.upper(), CommandReport(number, success, from_unix_ms(received_ms)))
    return list(reports.values())


def _write_results(work: _Work, uid: str, reports: Sequence[CommandReport]) -> Conversation[None]:
    """A medium that takes no results keeps the device from nothing: they stay untold, and go with the next one."""
    try:
        yield from ask(WriteResults(uid, write_reports(reports)))
    except (MediumFull, MediumReadOnly) as error:
        work.note(trouble=_trouble(error))
        log.warning("the results of card %s stay on the device: %s", uid, error)


# The export


def _copy(work: _Work, view: LocalView) -> Conversation[None]:
    """A folder for each card that the device knows; then the inserted card's packages and those of the others."""
    work.note(phase=Phase.COPYING, uid=view.uid, total=sum(count for _, _, count in view.holdings))
    for uid, _, _ in view.holdings:
        yield from ask(Prepare(uid))
    for uid, newest, _ in view.holdings:
        if not newest:
            continue
        request = None
        if uid == view.uid:
            started = yield from ask(StartForMedium(uid))
            request = started.request if started else None
            if request is None and work.state.trouble is Trouble.NONE:
                work.note(trouble=Trouble.PIN)
        written = yield from _copy_card(work, uid, newest, request)
        if written and request is None and uid == view.uid:
            yield from ask(DropRequest(uid))


def _copy_card(work: _Work, uid: str, newest: int, request: bytes | None) -> Conversation[int]:
    """Piecemeal, oldest first; between two pieces the device sells. Gives how many were written."""
    work.note(uid=uid)
    after, written, seen = 0, 0, 0
    while packages := (yield from ask(ReadPiece(uid, after, newest, PIECE_PACKAGES))):
        new = yield from ask(WritePiece(uid, packages, None if written else request))
        written += new
        seen += len(packages)
        after = packages[-1][0]
        work.note(copied=work.state.copied + new, there=work.state.there + len(packages) - new)
    if request is not None and seen and not written:
        yield from ask(OweRequest(uid, request))
    if request is not None and seen:
        work.note(request=True)
    return written
