"""`tallystick quarantine`: documents that were kept apart, and decisions on them by two officers (K-05)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.authority.intake.many_store import Progress
    from tallystick.ops.officer_desk import OfficerDesk

app = typer.Typer(help="Documents kept apart; re-admission or rejection by two officers.", no_args_is_help=True)
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]
NUMBER_MOST = 2**63 - 1
DeviceUid = Annotated[str, typer.Argument(help="UID of the device.")]
First = Annotated[int, typer.Option(min=0, help="The lowest number; all where it is not said.")]
Last = Annotated[int, typer.Option(min=0, max=NUMBER_MOST, help="The highest number.")]
Number = Annotated[int, typer.Argument(help="Number of the request.")]


@app.command("list")
def list_() -> None:
    """Print what waits for a decision, with what shows its age; the requests; what was decided; lost places."""
    from tallystick.ops.officer_desk import QUARANTINE_DEEDS

    with officer_desk() as desk:
        for device in desk.devices():
            typer.echo(
                f"device {device.uid}  {device.count} wait, numbers {device.first} to {device.last}"
                f"  (tallystick quarantine device {device.uid})"
            )
        for held, standing in desk.waiting():
            revoked = f"  signer revoked {standing.revoked_at:%Y-%m-%d %H:%M:%S}" if standing.revoked_at else ""
            typer.echo(f"{held.act_hash.hex()[:16]}  {held.number}  {','.join(held.codes)}{revoked}")
            for anchor in standing.anchors:
                typer.echo(f"    signed by then: {anchor}")
            if standing.doubt:
                typer.echo(f"    doubt: {standing.doubt}")
            if held.hindrance:
                typer.echo(f"    was not re-admitted: {held.hindrance}")
        for one in desk.requests(QUARANTINE_DEEDS):
            typer.echo(
                f"request {one.request_id}  {_wanted(one.content)} {one.object[:16]}  {one.state}"
                f"  asked by {one.asked_by}: {one.reason}"
            )
        for far in desk.decisions_about_many():
            typer.echo(_far(far))
        for held in desk.decided():
            typer.echo(f"{held.act_hash.hex()[:16]}  {held.number}  {held.state} by {held.decided_by}")
        for known in desk.settled_places():
            place, end = known.place, known.refusal or f"entry {known.entry_index}"
            typer.echo(
                f"settled place  {place.device} {place.first} to {place.last}  {end}"
                f"  by {place.asked_by} and {place.approved_by}: {place.reason}"
            )


def _far(far: Progress) -> str:
    """How far a decision about many is."""
    state = "in work" if far.finished_at is None else "done"
    codes = ", ".join(f"{code}: {count}" for code, count in far.codes.items())
    left = f", {far.left_waiting} left waiting" + (f" ({codes})" if codes else "")
    first = f"; {far.hindrance}" if far.hindrance else ""
    return f"request {far.request_id}  device {far.uid}  {state}  {far.done} decided so{left}{first}"


def _wanted(content: Mapping[str, str]) -> str:
    """What a request asks for, in words."""
    if "documents" in content:
        return f"{content['decision']} {content['documents']} of {content['first']} to {content['last']} of device"
    if "decision" in content:
        return content["decision"]
    return f"settle {content['device']} {content['first']} to {content['last']} as lost, before"


@app.command()
def ask(
    act: Annotated[str, typer.Argument(help="Hash of the act, or at least its first 8 digits.")],
    decision: Annotated[str, typer.Argument(help="readmit or reject.")],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
) -> None:
    """Ask that a document be re-admitted or rejected. Another officer must approve within 24 hours."""
    from tallystick.authority.intake.held import Decision

    if decision not in set(Decision):
        sys.exit("tallystick: the decision is readmit or reject")
    with officer_desk() as desk:
        number = desk.ask_for_decision(officer, act, Decision(decision), reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command()
def device(uid: DeviceUid, first: First = 0, last: Last = NUMBER_MOST) -> None:
    """Print what waits of one device: how many, their sum, when they came, why they lie apart."""
    with officer_desk() as desk:
        for name, said in desk.look(uid, first, last).content.items():
            typer.echo(f"{name:10}{said}")


@app.command("ask-many")
def ask_many(
    uid: DeviceUid,
    decision: Annotated[str, typer.Argument(help="readmit or reject.")],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
    first: First = 0,
    last: Last = NUMBER_MOST,
) -> None:
    """Ask for one decision about all that waits of a device now. Another officer must approve within 24 hours."""
    from tallystick.authority.intake.held import Decision

    if decision not in set(Decision):
        sys.exit("tallystick: the decision is readmit or reject")
    with officer_desk() as desk:
        number, seen = desk.ask_for_many(officer, uid, Decision(decision), reason, first, last)
    for name, said in seen.content.items():
        typer.echo(f"{name:10}{said}")
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command()
def settle(
    act: Annotated[str, typer.Argument(help="Hash of the document behind the hole, or at least its first 8 digits.")],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
) -> None:
    """Ask that what lacks before a register's document be settled as lost. Another officer must approve."""
    with officer_desk() as desk:
        number = desk.ask_to_settle(officer, act, reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command()
def approve(number: Number, officer: OfficerName) -> None:
    """Approve a request, as the second officer and from another account than the first."""
    from tallystick.ops.officer_desk import QUARANTINE_DEEDS

    with officer_desk() as desk:
        desk.approve(officer, number, QUARANTINE_DEEDS)
    typer.echo(f"request {number} is approved; the worker carries it out with its next round")


@app.command()
def refuse(number: Number, officer: OfficerName) -> None:
    """Refuse a request, or take one's own back."""
    from tallystick.ops.officer_desk import QUARANTINE_DEEDS

    with officer_desk() as desk:
        desk.refuse(officer, number, QUARANTINE_DEEDS)
    typer.echo(f"request {number} is refused")


@contextmanager
def officer_desk() -> Iterator[OfficerDesk]:
    """The desk of this shell; what the rooms refuse is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.officer_desk import open_officer_desk
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_officer_desk(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
