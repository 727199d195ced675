"""`tallystick registers`: registers that presented themselves, rules for them, and the state of a device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.register_desk import RegisterDesk

app = typer.Typer(help="Registers: first requests, rules and closure.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the first request.")]
Device = Annotated[str, typer.Argument(help="Number of the device: eight upper-case letters or digits.")]
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]
Username = Annotated[str, typer.Option("--user", help="User name of the officer or service centre who decides.")]
Reason = Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")]


@app.command("list")
def list_registers(
    state: Annotated[str, typer.Option(help="pending, confirmed, refused, or all.")] = "pending",
    tin: Annotated[str, typer.Option(help="Of this taxpayer alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
) -> None:
    """Print registers that presented themselves, and rules in force. That you have read them is an act in the log."""
    from tallystick.authority.reference.registry.presented import PresentedState

    if state not in {*PresentedState, "all"}:
        raise typer.BadParameter(f"one of {', '.join(PresentedState)}, all", param_hint="--state")
    with _desk() as desk:
        found, rules = desk.listed("" if state == "all" else state, tin, limit)
    for one in found:
        place = "no point" if one.premises_id is None else f"point {one.premises_id}"
        said = f": {one.reason}" if one.reason else ""
        typer.echo(
            f"{one.pending_id:>6}  {one.state:<9}  {one.uid or '-':<8}  TIN {one.tin}  {one.device_class.word}, "
            f"{one.form_factor}: {one.maker} {one.model} {one.serial_number}, {place}, from {one.came_from} "
            f"at {one.first_at:%Y-%m-%d %H:%M}{said}"
        )
    for rule in rules:
        typer.echo(
            f"rule {rule.rule_id}  TIN {rule.tin}  point {rule.premises_id}  {', '.join(rule.makers)}: "
            f"{rule.taken} of {rule.most}, until {rule.until:%Y-%m-%d %H:%M}"
        )


@app.command()
def confirm(
    number: Number,
    user: Username,
    premises: Annotated[int | None, typer.Option(help="Number of the point; the proposed one if left out.")] = None,
    memory_report: Annotated[str, typer.Option(help="Laboratory's report on the write-once memory.")] = "",
    enterprise_number: Annotated[str, typer.Option(help="The taxpayer's own number of the register.")] = "",
) -> None:
    """Say where a register stands: it becomes a device. Prints its code where it named no key of its own."""
    from tallystick.authority.reference.pki.codes import show_code

    with _desk() as desk:
        made = desk.confirm(user, number, premises, memory_report, enterprise_number)
    typer.echo(f"{made.uid} is registered")
    if made.code:
        typer.echo(show_code(made.code))


@app.command()
def refuse(number: Number, user: Username, reason: Reason) -> None:
    """Refuse a register; it is told why."""
    with _desk() as desk:
        desk.refuse(user, number, reason)
    typer.echo(f"first request {number} is refused")


@app.command()
def accept(
    tin: Annotated[str, typer.Option(help="TIN of the taxpayer.")],
    premises: Annotated[int, typer.Option(help="Number of the point.")],
    maker: Annotated[list[str], typer.Option(help="Maker of the registers; may be given several times.")],
    user: Username,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="How many registers.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=31, help="For how many days.")] = 1,
) -> None:
    """Accept registers of these makers at a point in advance, so many and so long: for the days of an installation."""
    with _desk() as desk:
        number = desk.accept(user, tin, premises, tuple(maker), most, days)
    typer.echo(f"rule {number} accepts {most} of {', '.join(maker)} for {days} days")


@app.command("end-rule")
def end_rule(number: Annotated[int, typer.Argument(help="Number of the rule.")], user: Username) -> None:
    """End such a rule before its time."""
    with _desk() as desk:
        desk.end_rule(user, number)
    typer.echo(f"rule {number} is ended")


@app.command()
def point(
    tin: Annotated[str, typer.Option(help="TIN of the taxpayer.")],
    code: Annotated[str, typer.Option(help="The taxpayer's own name of the point; the same again changes the rest.")],
    name: Annotated[str, typer.Option(help="Name as it stands on receipts.")],
    address: Annotated[str, typer.Option(help="Street and number.")],
    user: Username,
    city: Annotated[str, typer.Option(help="City.")] = "",
    district: Annotated[str, typer.Option(help="District.")] = "",
    country: Annotated[str, typer.Option(help="Country.")] = "",
) -> None:
    """Enter a point where registers of a taxpayer will stand, or change what is known of it."""
    from tallystick.authority.reference.registry.values import Premises
    from tallystick.kernel.identifiers import Tin

    with _desk() as desk:
        place = Premises(
            tin=Tin(tin), code=code, name=name, address=address, city=city, district=district, country=country
        )  # fmt: skip
        number = desk.put_point(user, place)
    typer.echo(f"point {number} of {tin}: {name}, {address}")


@app.command()
def points(
    tin: Annotated[str, typer.Option(help="Of this taxpayer alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, by number.")] = 200,
) -> None:
    """Print points and how many registers stand there. That you have read them is an act in the log."""
    with _desk() as desk:
        found = desk.points(tin, limit)
    for number, one, devices in found:
        where = ", ".join(text for text in (one.address, one.city, one.district, one.country) if text)
        typer.echo(f"point {number}  TIN {one.tin}  {one.code}: {one.name}, {where}; registers: {devices}")


@app.command()
def move(
    uid: Device,
    premises: Annotated[int, typer.Option(help="Number of the point where it stands from now on.")],
    user: Username,
    reason: Reason,
) -> None:
    """Let a register stand at another point of its taxpayer; it reports that itself with a re-registration."""
    with _desk() as desk:
        has_moved = desk.move(user, uid, premises, reason)
    typer.echo(f"{uid} stands at point {premises}" + ("" if has_moved else " already"))


@app.command()
def close(uid: Device, officer: OfficerName, reason: Reason) -> None:
    """Close a device for good; nobody opens it again. Holding and releasing one is `tallystick device hold|release`."""
    with _desk() as desk:
        desk.close(officer, uid, reason)
    typer.echo(f"{uid} is closed")


@contextmanager
def _desk() -> Iterator[RegisterDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.register_desk import open_registers
    from tallystick.ops.settings import load_settings

    try:
        with open_registers(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
