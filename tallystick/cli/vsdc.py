"""`tallystick vsdc`: signing elements of the hosted signer, and the POS that may ask it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.hosting import Addresses
    from tallystick.ops.processes.context import Context

app = typer.Typer(help="The hosted signer: its signing elements, and the POS that may ask it.", no_args_is_help=True)


def _context() -> Context:
    from tallystick.ops.processes.context import Context

    return Context.load("vsdc-tool")


def _addresses(context: Context) -> Addresses:
    from tallystick.ops.hosting import Addresses

    return Addresses(api_url=context.settings.device_api_url, vsdc_url=context.settings.vsdc_url)


@app.command()
def signer(
    count: Annotated[int, typer.Option(min=1, max=64, help="How many signing elements to make.")] = 1,
) -> None:
    """Make signing elements: a key in the key store and a certificate each. They take invoices within seconds."""
    import psycopg

    from tallystick.ops.database import open_database
    from tallystick.ops.hosting import make_signer
    from tallystick.ops.key_store import open_key_store
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    keys = open_key_store(context.settings, context.state)
    with open_database(context.settings, context.state) as dsn:
        for _ in range(count):
            with psycopg.connect(as_role(dsn, INTAKE)) as conn:
                made = make_signer(conn, context.pki, keys, context.pack, _addresses(context), system_clock())
                note(conn, "vsdc.signer", system_clock(), made.uid)
            typer.echo(f"{made.uid}  until {made.not_after:%Y-%m-%d}")
    keys.close()


@app.command()
def retire(uid: Annotated[str, typer.Argument(help="UID of the signing element.")]) -> None:
    """Let a signing element take no further invoices; what it signed stays verifiable, what it began it ends."""
    _set_state(uid, "retired")


@app.command()
def reactivate(uid: Annotated[str, typer.Argument(help="UID of the signing element.")]) -> None:
    """Let a retired signing element take invoices again."""
    _set_state(uid, "active")


def _set_state(uid: str, state: str) -> None:
    import psycopg

    from tallystick.authority.channels.vsdc.operations import set_signer_state
    from tallystick.authority.channels.vsdc.values import SignerState
    from tallystick.ops.database import open_database
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    with open_database(context.settings, context.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        set_signer_state(conn, uid, SignerState(state))
        note(conn, "vsdc.retire" if state == "retired" else "vsdc.reactivate", system_clock(), uid)
    typer.echo(f"{uid} is {state}")


@app.command()
def enrol(
    name: Annotated[str, typer.Argument(help="Name of the file to write: NAME.nochain.p12.")],
    tin: Annotated[str, typer.Option(help="TIN of the taxpayer.")],
    business: Annotated[str, typer.Option(help="Name of the taxpayer.")],
    shop: Annotated[str, typer.Option(help="Name of the premises, which is also their code.")],
    address: Annotated[str, typer.Option(help="Street and number of the premises.")],
    district: Annotated[str, typer.Option(help="District of the premises.")] = "",
    city: Annotated[str, typer.Option(help="City of the premises.")] = "",
    folder: Annotated[Path, typer.Option(help="Where to write the file.")] = Path(),
) -> None:
    """Enrol a POS: writes its certificate and key as a file; password and PAC are printed once and kept nowhere."""
    import psycopg

    from tallystick.authority.reference.registry.operations import register_premises, register_taxpayer
    from tallystick.authority.reference.registry.values import Premises, Taxpayer
    from tallystick.kernel.identifiers import parse_tin
    from tallystick.kernel.invoice import Seller
    from tallystick.kit.atomic_file import write_atomically
    from tallystick.ops import hosting
    from tallystick.ops.database import open_database
    from tallystick.ops.key_store import pac_secret
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    pack = context.pack
    owner, town, region = parse_tin(tin), city or pack.city, district or city or pack.city
    seller = Seller(
        tin=owner,
        business_name=business,
        location_name=shop,
        address=address,
        district=region,
        city=town,
        country=pack.country,
    )
    place = Premises(tin=owner, code=shop, name=shop, address=address, city=town, district=region, country=pack.country)
    secret = pac_secret(context.state)
    file = folder / hosting.bundle_name(name)
    with open_database(context.settings, context.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        register_taxpayer(conn, Taxpayer(owner, business))
        premises = register_premises(conn, place)
        papers = hosting.enrol(
            conn,
            context.pki,
            pack,
            seller,
            _addresses(context),
            system_clock(),
            pac_secret=secret,
            premises_id=premises,
        )
        write_atomically(file, papers.bundle, mode=0o600)
        note(conn, "vsdc.enrol", system_clock(), papers.uid, for_whom=owner)
    for title, value in (("file", file), ("UID", papers.uid), ("password", papers.password), ("PAC", papers.pac)):
        typer.echo(f"{title:10}{value}")


@app.command()
def pac(uid: Annotated[str, typer.Argument(help="UID of the POS.")]) -> None:
    """Give a POS another PAC, printed once; a lock after wrong ones ends."""
    import psycopg

    from tallystick.authority.channels.vsdc.operations import change_pac
    from tallystick.crypto.client_bundle import new_pac
    from tallystick.ops.database import open_database
    from tallystick.ops.key_store import pac_secret
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    code = new_pac()
    with open_database(context.settings, context.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        change_pac(conn, uid, code, pac_secret=pac_secret(context.state))
        note(conn, "vsdc.pac", system_clock(), uid)
    typer.echo(f"PAC       {code}")


@app.command("open")
def open_acts() -> None:
    """List the begun invoices that the ledger does not have: POS, signing element, number. Reading is an act."""
    import psycopg

    from tallystick.authority.channels.vsdc import store
    from tallystick.ops.database import open_database
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    with open_database(context.settings, context.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        for act in store.open_acts(conn):
            typer.echo(f"{act.requested_by}  {act.signed_by}  {act.total_counter}")
        note(conn, "vsdc.read", system_clock())


@app.command()
def void(
    pos: Annotated[str, typer.Argument(help="UID of the POS.")],
    element: Annotated[str, typer.Argument(help="UID of the signing element whose key is gone.")],
    by: Annotated[str, typer.Option(help="Who does this; stands in the ledger.")],
    reason: Annotated[str, typer.Option(help="Why; stands in the ledger.")],
) -> None:
    """End for good a begun invoice whose key is gone: its number counts as used, the POS goes on elsewhere."""
    import time

    import psycopg

    from tallystick.authority.channels.vsdc import voiding
    from tallystick.authority.channels.vsdc.signing import lacks_key_blocking
    from tallystick.authority.ledger.client import append_blocking
    from tallystick.kernel.faults import Fault
    from tallystick.ops.database import open_database
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role

    context = _context()
    means = voiding.Means(
        lacks_key=lambda label: lacks_key_blocking(context.socket("signer"), label),
        append=lambda entry: append_blocking(context.socket("sequencer"), entry),
        wait=time.sleep,
        clock=system_clock,
    )
    with (
        open_database(context.settings, context.state) as dsn,
        psycopg.connect(as_role(dsn, INTAKE), autocommit=True) as conn,
    ):
        try:
            index = voiding.void_act(conn, means, pos, element, by=by, reason=reason)
        except (voiding.VoidRefused, Fault) as error:
            typer.echo(f"nothing is voided: {error}", err=True)
            raise typer.Exit(1) from error
    typer.echo(f"void      {voiding.OUTCOME}, entry {index}")


@app.command()
def revoke(uid: Annotated[str, typer.Argument(help="UID of a POS or a signing element.")]) -> None:
    """Revoke the certificate of a POS or of a signing element, from now on and for good."""
    import psycopg

    from tallystick.authority.reference.registry.operations import set_state
    from tallystick.authority.reference.registry.values import SecureElementState
    from tallystick.ops.database import open_database
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.roles import INTAKE, as_role
    from tallystick.ops.shell_acts import note

    context = _context()
    with open_database(context.settings, context.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        set_state(conn, uid, SecureElementState.REVOKED, system_clock())
        note(conn, "vsdc.revoke", system_clock(), uid)
    typer.echo(f"{uid} is revoked")
