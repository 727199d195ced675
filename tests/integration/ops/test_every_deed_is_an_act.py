"""Part 11 of trust: every command and every page has its verb in the activity log, or says why it has none.

A new command or page without a line here fails. Reads that a shell does are tried below; the other deeds have their
tests in their rooms.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from deeds import COMMANDS, PAGES, Why

import tallystick
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.production.lifecycle import Deed
from tallystick.cli import app
from tallystick.kernel.builds import BuildState
from tallystick.kernel.retention import RetainedKind
from tallystick.ops.inspection_desk import InspectionDesk
from tallystick.ops.officer_desk import OfficerDesk
from tallystick.ops.override_desk import OverrideDesk, shell_account
from tallystick.ops.oversight_desk import OversightDesk
from tallystick.ops.production.desk import ProductionDesk
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.shell_acts import note_alone

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOURCES = Path(tallystick.__path__[0])


_LITERAL = re.compile(r'"([a-z]+\.[a-z-]+)"')


def commands(group: typer.core.TyperGroup, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def pages(patterns: Iterable[Any]) -> Iterator[str]:
    for one in patterns:
        if hasattr(one, "url_patterns"):
            yield from pages(one.url_patterns)
        else:
            yield one.name


def test_every_command_has_its_verb_or_says_why_not() -> None:
    top = typer.main.get_command(app)
    assert isinstance(top, typer.core.TyperGroup)
    assert set(commands(top)) == set(COMMANDS)


def test_every_page_has_its_verb_or_says_why_not() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tallystick.portals.settings")
    import django
    from django.urls import get_resolver

    django.setup()
    assert set(pages(get_resolver("tallystick.portals.urls").url_patterns)) == set(PAGES)


def test_every_verb_of_the_tables_is_one_that_the_program_writes() -> None:
    written = {f"production.{deed}" for deed in Deed} | {f"builds.{state}" for state in BuildState}
    for file in SOURCES.rglob("*.py"):
        written.update(_LITERAL.findall(file.read_text(encoding="utf-8")))
    named = {verb for verbs in (*COMMANDS.values(), *PAGES.values()) if not isinstance(verbs, Why) for verb in verbs}
    assert named <= written, named - written


def _production(dsn: str) -> ProductionDesk:
    return ProductionDesk(dsn=dsn, came_from="shell:somebody", clock=lambda: NOW)


READS: dict[str, Callable[[str], object]] = {
    "audits.read": lambda dsn: OverrideDesk(as_role(dsn, PORTAL), "shell:somebody", lambda: NOW).open_audits(),
    "quarantine.read": lambda dsn: OfficerDesk(as_role(dsn, PORTAL), "shell:somebody", lambda: NOW).waiting(),
    "approvals.read": lambda dsn: OversightDesk(as_role(dsn, PORTAL), "shell:somebody", lambda: NOW).requests(9),
    "inspections.list": lambda dsn: InspectionDesk(as_role(dsn, PORTAL), "shell:somebody", lambda: NOW).cases(
        state=None, detector=None, tin="100000001", limit=9
    ),
    "production.read": lambda dsn: _production(dsn).read("batch 7", lambda conn: None),
    "production.run": lambda dsn: _production(dsn).begin_run(7),
    "production.report": lambda dsn: _production(dsn).begin_report(),
    "ledger.cross-proof": lambda dsn: note_alone(dsn, "ledger.cross-proof", NOW),
}


def test_what_a_shell_reads_and_begins_is_an_act(database: str) -> None:
    for verb, read in READS.items():
        read(database)
        with psycopg.connect(database) as conn:
            newest = activity.newest(conn, limit=1)[0].act
        assert (newest.verb, newest.actor.partition(":")[0]) == (verb, "shell")
        assert newest.for_whom == ("100000001" if verb == "inspections.list" else "")


@pytest.mark.soak
def test_deeds_of_the_hosted_signer_are_acts_of_the_account(database: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        told = {"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path)}
        argv = [sys.executable, "-m", "tallystick", *arguments]
        return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)

    assert run("vsdc", "open").returncode == 0
    assert run("retention", "list").stdout.count(" may go") == len(RetainedKind)
    assert run("retention", "run").stdout == "nothing has had its time\n"
    assert run("migrate").returncode == 0
    with psycopg.connect(database) as conn:
        acts = [one.act for one in activity.newest(conn)]
    assert [act.verb for act in acts] == ["schema.migrate", "vsdc.read"]
    assert {act.actor for act in acts} == {f"shell:{shell_account()}"}
