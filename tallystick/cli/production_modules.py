"""The commands of `tallystick production` that concern one module: where it is, and what becomes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.production_desk import OfficerName, desk

if TYPE_CHECKING:
    from tallystick.authority.reference.production.lifecycle import Deed
    from tallystick.authority.room_queries import Connection

Number = Annotated[str, typer.Argument(help="Number of the module.")]
Reason = Annotated[str, typer.Option(help="Why, 10 to 1,000 characters.")]


def add_module_commands(app: typer.Typer) -> None:
    """Put them into the group."""
    for name, command in (
        ("module", show),
        ("ship", ship),
        ("come-back", come_back),
        ("hand-over", hand_over),
        ("lose", lose),
        ("find", find),
        ("damage", damage),
        ("recall", recall),
        ("take-back", take_back),
        ("shut", shut),
        ("destroy", destroy),
        ("spoil", spoil),
    ):
        app.command(name)(command)


def show(number: Number) -> None:
    """Print what is known of a module, and what the tax service was told."""
    with desk() as at:
        lines = at.read(f"module {number}", lambda conn: _facts(conn, number))
    if not lines:
        sys.exit("tallystick: no module of that number")
    for line in lines:
        typer.echo(line)


def _facts(conn: Connection, number: str) -> list[str]:
    from tallystick.authority.oversight.activity import queries as activity
    from tallystick.authority.reference.production import queries

    module = queries.module_by_number(conn, number)
    if module is None:
        return []
    seller = module.seller
    facts = (
        ("state", module.state),
        ("since", f"{module.changed_at:%Y-%m-%d %H:%M}"),
        ("batch", f"{module.batch_id}, line {module.line}, blank {module.slot}"),
        ("form", module.form_factor),
        ("controller", module.controller or "-"),
        ("for", f"{seller.tin} {seller.business_name}, {seller.location_name}"),
        ("place", module.place or "-"),
    )
    reports = queries.reports_of_module(conn, module.module_id)
    done = [
        f"{'done':<12}{entry.act.at:%Y-%m-%d %H:%M} {entry.act.verb} by {entry.act.actor}"
        for entry in reversed(activity.newest(conn, thing=number))
    ]
    told = [f"{'told':<12}{one.deed}: {one.state} {one.answer}" for one in reports]
    return [f"{name:<12}{value}" for name, value in facts] + done + told


def ship(
    number: Number, officer: OfficerName, to: Annotated[str, typer.Option(help="Where to, and how.")]
) -> None:  # fmt: skip
    """Send a module from stock on its way."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.SHIP, place=to)


def come_back(number: Number, officer: OfficerName) -> None:
    """A module that was on its way is in stock again."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.COME_BACK)


def hand_over(
    number: Number,
    officer: OfficerName,
    to: Annotated[str, typer.Option(help="The person who took it.")],
    receipt: Annotated[str, typer.Option(help="Number of the receipt that he signed.")],
) -> None:
    """Hand a module over to its taxpayer. From now on it may sell."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.HAND_OVER, place=to, receipt=receipt)


def lose(number: Number, officer: OfficerName, reason: Reason) -> None:
    """A module is lost: at a taxpayer's it is put on hold, on our own way there it is revoked for good."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.LOSE, reason=reason)


def find(number: Number, officer: OfficerName, reason: Reason) -> None:
    """A taxpayer has found his module; it may sell again."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.FIND, reason=reason)


def damage(number: Number, officer: OfficerName, reason: Reason) -> None:
    """A module is broken; its certificates are revoked."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.DAMAGE, reason=reason)


def recall(number: Number, officer: OfficerName, reason: Reason) -> None:
    """Call a module back, wherever it is; it is on hold from now on."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.RECALL, reason=reason)


def take_back(number: Number, officer: OfficerName) -> None:
    """A recalled or closed module is back; it will not sell again."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.TAKE_BACK)


def shut(number: Number, officer: OfficerName, reason: Reason) -> None:
    """End the life of a module: closure of the shop, or a lost one that stays lost."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.CLOSE, reason=reason)


def destroy(number: Number, officer: OfficerName, reason: Reason) -> None:
    """A spoilt, broken or returned module has been destroyed."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.DESTROY, reason=reason)


def spoil(number: Number, officer: OfficerName, reason: Reason) -> None:
    """A module was spoilt at the printer; the next run makes another for its line."""
    from tallystick.authority.reference.production.lifecycle import Deed

    _do(number, officer, Deed.SPOIL, reason=reason)


def _do(number: str, officer: str, deed: Deed, *, place: str = "", receipt: str = "", reason: str = "") -> None:
    from tallystick.authority.reference.production.custody import Account

    with desk() as at:
        state = at.do(officer, number, deed, Account(place=place, receipt=receipt, reason=reason))
    typer.echo(f"{number} is {state}")
