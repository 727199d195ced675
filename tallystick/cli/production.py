"""`tallystick production`: batches of fiscal modules, from the order to the count that closes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.production_desk import OfficerName, desk
from tallystick.cli.production_modules import add_module_commands

if TYPE_CHECKING:
    from tallystick.authority.reference.production.values import Batch, Module
    from tallystick.authority.room_queries import Connection

app = typer.Typer(help="Make fiscal modules, print for them, and keep track of each.", no_args_is_help=True)
BatchNumber = Annotated[int, typer.Argument(help="Number of the batch.")]


@app.command()
def profile() -> None:
    """Print the hardware profiles: which controllers, forms, protocols and algorithms a module must have."""
    from tallystick.authority.reference.production.hardware import PROFILES

    for one in PROFILES:
        typer.echo(one.name)
        rows = (
            ("controllers", one.controllers),
            ("forms", sorted(one.form_factors)),
            ("protocols", sorted(one.protocols)),
            ("algorithms", sorted(one.algorithms)),
            ("seen at work", sorted(one.must_answer)),
        )
        for name, values in rows:
            typer.echo(f"  {name:<14}{', '.join(values)}")


@app.command("open")
def open_(
    order: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The order, CSV: a line a module.")],
    blanks: Annotated[int, typer.Option(help="Blanks that you counted into the room.", min=1)],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="For what, 10 to 1,000 characters.")],
    profile: Annotated[str, typer.Option(help="Hardware profile.")] = "virtual",
    years: Annotated[int, typer.Option(help="Validity, 3 to 5 years.")] = 4,
    limit: Annotated[str, typer.Option(help="Most unaudited turnover, where a line says nothing.")] = "100000",
) -> None:
    """Prepare a batch. A second person, from another account or on the page, must open it within 24 hours."""
    from tallystick.kernel.fixed_point import Money
    from tallystick.ops.production.desk import OpeningOrder

    with desk() as at:
        batch = at.ask_to_open(
            officer,
            OpeningOrder(
                order=order.read_bytes(),
                profile=profile,
                blanks=blanks,
                years=years,
                usual_limit=Money.of(limit),
                reason=reason,
            ),
        )
    typer.echo(f"batch {batch.batch_id}: {batch.ordered} modules; it waits for the second person, 24 hours at most")


@app.command()
def approve(batch: BatchNumber, officer: OfficerName) -> None:
    """Open a batch, as the second person and from another account than the first."""
    with desk() as at:
        opened = at.approve(officer, batch)
    typer.echo(f"batch {batch} is open: {opened.ordered} modules from {opened.blanks} blanks")


@app.command()
def refuse(batch: BatchNumber, officer: OfficerName) -> None:
    """Refuse a batch, or take one's own request back."""
    with desk() as at:
        at.refuse(officer, batch)
    typer.echo(f"batch {batch} will not be opened")


@app.command()
def run(
    batch: BatchNumber,
    workers: Annotated[int, typer.Option(help="Modules at a time; 0: two for each core.", min=0, max=256)] = 0,
    protocol: Annotated[str, typer.Option(help="0 for T=0, 1 for T=1 (virtual blanks).", metavar="0|1")] = "1",
    reader: Annotated[str, typer.Option(help="A PC/SC reader, for blanks that a person puts in one by one.")] = "",
) -> None:
    """Make the modules of an open batch that are not made yet. Cut short, the same command goes on from there."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from tallystick.authority.reference.production import queries
    from tallystick.authority.reference.production.tasks import send_reports
    from tallystick.device.applet.contacts import Transmission
    from tallystick.ops.processes.context import Context, system_clock
    from tallystick.ops.production.reports import tax_service
    from tallystick.ops.production.run import RunPlan, RunStopped, run_at_reader, run_batch

    if protocol not in {one.value for one in Transmission}:
        sys.exit("tallystick: the protocol is 0 for T=0 or 1 for T=1")
    context = Context.load("production")
    spoilt = 0
    with desk() as at, Progress(
        TextColumn("modules"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    ) as progress:  # fmt: skip
        lines = at.look(lambda conn: queries.lines_to_make(conn, batch))
        at.begin_run(batch)
        bar = progress.add_task("modules", total=len(lines))
        plan = RunPlan(
            batch_id=batch,
            dsn=at.station_dsn,
            state=context.state.root,
            country=context.settings.country,
            api_url=context.settings.device_api_url,
            vsdc_url=context.settings.vsdc_url,
            pki_url=context.settings.pki_url,
            box=context.state.demo / "production" / f"batch-{batch}",
            transmission=protocol,
        )
        made = run_at_reader(plan, system_clock, reader, _ask) if reader else run_batch(plan, system_clock, workers)
        try:
            for one in made:
                spoilt += one.spoilt
                progress.advance(bar)
                if one.spoilt:
                    progress.console.print(f"line {one.line}: {one.spoilt} spoilt: {one.because}", markup=False)
        except RunStopped as stopped:
            sys.exit(f"tallystick: {stopped}")
        with at.station_connection() as conn:
            send_reports(conn, tax_service(context.settings.module_reports, context.state), system_clock(), 1_000_000)
    typer.echo(f"batch {batch}: {len(lines)} modules made, {spoilt} blanks spoilt on the way")


def _ask(module: Module) -> None:
    input(f"Put blank {module.slot} of batch {module.batch_id} into the reader, then press Enter: ")


@app.command()
def status(batch: Annotated[int, typer.Argument(help="Number of the batch; 0: all.")] = 0) -> None:
    """Print batches, or what became of each blank of one."""

    with desk() as at:
        for one in at.batches():
            if batch in (0, one.batch_id):
                typer.echo(_line(one))
        if batch:
            for text in at.read(f"batch {batch}", lambda conn: _details(conn, batch)):
                typer.echo(text)


def _line(batch: Batch) -> str:
    return (
        f"batch {batch.batch_id}  {batch.state:<8}{batch.ordered} modules, {batch.blanks} blanks, {batch.years} years, "
        f"profile {batch.profile}, asked for by {batch.asked_by}, opened by {batch.opened_by or '-'}"
    )


def _details(conn: Connection, batch_id: int) -> list[str]:
    from tallystick.authority.reference.production import queries

    counts = queries.counts(conn, batch_id)
    reports = queries.report_counts(conn, batch_id)
    found = [f"  {state:<14}{count}" for state, count in counts.by_state.items()]
    found.append(f"  blanks taken {counts.taken}: {counts.good} good, {counts.spoilt} spoilt, {counts.in_work} in work")
    found += [f"  reports {state:<10}{count}" for state, count in reports.items()]
    jobs = queries.open_jobs(conn, batch_id)
    return found + [f"  printing job {one.job_id} ({one.kind}, {len(one.modules)}) is not confirmed" for one in jobs]


@app.command()
def report() -> None:
    """Tell the tax service what is due, now; the worker does the same by itself."""
    from tallystick.authority.reference.production import queries
    from tallystick.authority.reference.production.tasks import send_reports
    from tallystick.ops.processes.context import Context, system_clock
    from tallystick.ops.production.reports import tax_service

    context = Context.load("production")
    with desk() as at, at.station_connection() as conn:
        at.begin_report()
        service = tax_service(context.settings.module_reports, context.state)
        decided = send_reports(conn, service, system_clock(), 1_000_000)
        refused = queries.refused_reports(conn)
    typer.echo(f"{decided} reports were decided")
    for one in refused:
        typer.echo(f"report {one.report_id}  {one.number}  {one.deed}  refused: {one.answer}")


@app.command("report-again")
def report_again(
    number: Annotated[int, typer.Argument(help="Number of a refused report.")], officer: OfficerName
) -> None:  # fmt: skip
    """Send a refused report again, when the tax service has mended its side."""
    with desk() as at:
        at.repeat_report(officer, number)
    typer.echo(f"report {number} is sent again")


@app.command("print")
def print_(
    batch: BatchNumber,
    officer: OfficerName,
    out: Annotated[Path, typer.Option(help="The PDF; mode 0600, since letters hold PINs.")],
    letters: Annotated[bool, typer.Option("--letters", help="PIN letters, instead of visual data.")] = False,
    logo: Annotated[Path | None, typer.Option(help="A logo, SVG.", exists=True, dir_okay=False)] = None,
    again: Annotated[list[str] | None, typer.Option(help="Number of a module to print again; repeatable.")] = None,
    reason: Annotated[str, typer.Option(help="Why again, 10 to 1,000 characters.")] = "",
) -> None:
    """Make the next printing job of a batch, 500 modules at most. One that is not confirmed comes again."""
    from tallystick.authority.reference.production.values import PrintKind
    from tallystick.kit.atomic_file import write_atomically
    from tallystick.ops.processes.context import Context
    from tallystick.ops.production.keys import printer_private_key
    from tallystick.paper.missing import PrintingAbsent

    context = Context.load("production")
    issuer = context.pack.organization_name
    try:
        with desk() as at:
            mark = None if logo is None else logo.read_bytes()
            if again:
                kind = PrintKind.LETTERS if letters else PrintKind.VISUAL
                job, made = at.again(officer, again, kind, reason, issuer, mark)
            elif letters:
                job, made = at.letters(officer, batch, issuer, printer_private_key(context.state))
            else:
                job, made = at.visual(officer, batch, issuer, mark)
    except PrintingAbsent as absent:
        sys.exit(f"tallystick: {absent}")
    write_atomically(out, made, mode=0o600)
    typer.echo(f"printing job {job.job_id}: {len(job.modules)} modules in {out}; confirm what came out well")


@app.command()
def printed(
    job: Annotated[int, typer.Argument(help="Number of the printing job.")],
    officer: OfficerName,
    first: Annotated[int | None, typer.Option(help="Only so many modules came out well.", min=0)] = None,
) -> None:
    """Confirm a printing job. What was not printed comes with the next one; a sealed PIN goes when it is printed."""
    with desk() as at:
        done = at.printed(officer, job, first)
    good = len(done.modules) if first is None else first
    typer.echo(f"printing job {job}: {good} of {len(done.modules)} are printed")


@app.command()
def store(batch: BatchNumber, officer: OfficerName) -> None:
    """Take into stock what is recorded on both sides and printed."""
    with desk() as at:
        count = at.put_in_stock(officer, batch)
    typer.echo(f"{count} modules are in stock")


@app.command()
def close(
    batch: BatchNumber,
    officer: OfficerName,
    left: Annotated[int, typer.Option(help="Blanks that you counted, unused.", min=0)],
    spoilt: Annotated[int, typer.Option(help="Spoilt modules that you counted.", min=0)],
) -> None:
    """Close a batch when blanks, good and spoilt modules add up; else it stays open."""
    with desk() as at:
        counts = at.close(officer, batch, left=left, spoilt=spoilt)
    typer.echo(f"batch {batch} is closed: {counts.good} good, {counts.spoilt} spoilt, {left} blanks left")


add_module_commands(app)
