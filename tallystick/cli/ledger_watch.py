"""Commands of `tallystick ledger` about who watches it: the policy of witnesses, the cross-proof report."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli import ledger
from tallystick.cli.quarantine import Number, OfficerName, officer_desk

app = ledger.app


@app.command()
def policy() -> None:
    """Print the policy of witnesses in force, and requests for another."""
    from tallystick.ops.officer_desk import POLICY_DEEDS

    with officer_desk() as desk:
        in_force = desk.policy()
        typer.echo(in_force.content.decode("utf-8", "replace") if in_force else "nobody watches this ledger")
        for one in desk.requests(POLICY_DEEDS):
            typer.echo(f"request {one.request_id}  {one.state}  asked by {one.asked_by}: {one.reason}")


@app.command("policy-ask")
def policy_ask(
    file: Annotated[Path, typer.Argument(help="The new policy (C2SP tlog-policy).", exists=True, dir_okay=False)],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
) -> None:
    """Ask for another policy of witnesses. Another officer must approve within 24 hours."""
    with officer_desk() as desk:
        number = desk.ask_for_policy(officer, file.read_bytes(), reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command("policy-approve")
def policy_approve(number: Number, officer: OfficerName) -> None:
    """Approve another policy, as the second officer and from another account than the first."""
    from tallystick.ops.officer_desk import POLICY_DEEDS

    with officer_desk() as desk:
        desk.approve(officer, number, POLICY_DEEDS)
    typer.echo(f"request {number} is approved; the worker takes the policy with its next round")


@app.command("policy-refuse")
def policy_refuse(number: Number, officer: OfficerName) -> None:
    """Refuse another policy, or take one's own request back."""
    from tallystick.ops.officer_desk import POLICY_DEEDS

    with officer_desk() as desk:
        desk.refuse(officer, number, POLICY_DEEDS)
    typer.echo(f"request {number} is refused")


@app.command("cross-proof")
def cross_proof(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    all_sequences: Annotated[bool, typer.Option("--all", help="Complete sequences as well.")] = False,
) -> None:
    """Say for each device, taxpayer, type and day what the other sequences show of it; 1 when one is not complete."""
    from tallystick.authority.ledger.cross_proof import Verdict
    from tallystick.authority.ledger.cross_proof import cross_proof as walk
    from tallystick.ops.cross_proof_lines import json_line, text_line
    from tallystick.ops.database import open_database
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings
    from tallystick.ops.shell_acts import note_alone
    from tallystick.ops.state_folder import StateFolder

    settings = load_settings()
    counts = dict.fromkeys(Verdict, 0)
    with open_database(settings, StateFolder.of(settings.state)) as dsn:
        note_alone(dsn, "ledger.cross-proof", system_clock())
        for sequence in walk(dsn):
            counts[sequence.verdict] += 1
            if all_sequences or sequence.verdict is not Verdict.COMPLETE:
                typer.echo(json_line(sequence) if as_json else text_line(sequence))
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    if counts[Verdict.GAP] or counts[Verdict.DISAGREEMENT]:
        sys.exit(f"not all sequences agree: {summary}")
    if not as_json:
        typer.echo(f"all sequences agree: {summary}")
