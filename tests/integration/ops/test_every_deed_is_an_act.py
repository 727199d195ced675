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
import typer

import tallystick
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.production.lifecycle import Deed
from tallystick.cli import app
from tallystick.kernel.builds import BuildState
from tallystick.ops.inspection_desk import InspectionDesk
from tallystick.ops.officer_desk import OfficerDesk
from tallystick.ops.override_desk import OverrideDesk, shell_account
from tallystick.ops.oversight_desk import OversightDesk
from tallystick.ops.production.desk import ProductionDesk
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.shell_acts import note_alone

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOURCES = Path(tallystick.__path__[0])


class Why(str):
    """Why there is no act."""

    __slots__ = ()


PUBLIC = Why("reads and writes what everybody may have: rules, public keys, signed heads")
SERVICE = Why("a process that serves; each deed of a person through it is an act of its own")
OUTSIDE = Why("the program of a maker, a shop, a witness or a reader, without the authority's database")
TRIAL = Why("a country in a box: no authority is behind it, and it goes with its log")
WHOLE = Why("compares tables and proofs, and prints places, never what stands there")
FIGURES = Why("counts and states of a nation; no taxpayer and no person")
CUSTODIANS = Why("custodians and their shares, before and beside the database; the record of the ceremony names them")
PART = Why("a part of a page that renews itself; opening the page is the act")
ROOT = Why("made where the root's key is, without a database; taking it on line is the act")
OWN = Why("his own things, or none that concern a person")

COMMANDED = ("remote.command", "approvals.ask", "remote.command-many")
COMMANDS: dict[str, tuple[str, ...] | Why] = {
    "activity list": ("activity.read",),
    "activity verify": WHOLE,
    "agreements conclude": ("agreements.conclude",),
    "agreements end": ("agreements.end",),
    "agreements show": ("agreements.read",),
    "algorithms check": PUBLIC,
    "algorithms history": PUBLIC,
    "algorithms list": PUBLIC,
    "algorithms verify": OUTSIDE,
    "approvals approve": ("approvals.approve",),
    "approvals list": ("approvals.read",),
    "approvals refuse": ("approvals.refuse",),
    "audit approve": ("override.approve",),
    "audit ask": ("override.ask",),
    "audit list": ("audits.read",),
    "audit refuse": ("override.refuse",),
    "authority api": SERVICE,
    "authority keys": SERVICE,
    "authority pki": SERVICE,
    "authority portal": SERVICE,
    "authority public": SERVICE,
    "authority sequencer": SERVICE,
    "authority signer": SERVICE,
    "authority unwrap": SERVICE,
    "authority vsdc": SERVICE,
    "authority worker": SERVICE,
    "backup end": ("backup.end",),
    "backup follow": ("backup.follow",),
    "backup list": WHOLE,
    "backup take": ("backup.begin", "backup.made"),
    "build certify": ("builds.certified",),
    "build compare": OUTSIDE,
    "build key": OUTSIDE,
    "build list": PUBLIC,
    "build manifest": OUTSIDE,
    "build refuse": ("builds.refused",),
    "build register-maker": ("builds.register-maker",),
    "build revoke": ("approvals.ask", "builds.revoked"),
    "build submit": ("builds.submit",),
    "build suspend": ("builds.suspended",),
    "card blank": TRIAL,
    "card make": TRIAL,
    "card readers": OUTSIDE,
    "card serve": OUTSIDE,
    "ceremony activate": CUSTODIANS,
    "ceremony enter": ("keys.enter", "keys.ceremony"),
    "ceremony run": CUSTODIANS,
    "ceremony script": PUBLIC,
    "ceremony verify": PUBLIC,
    "demo": TRIAL,
    **dict.fromkeys(("device firmware", "device policy", "device rates"), COMMANDED),
    "device hold": (*COMMANDED, "registry.hold-device"),
    "device log": ("devices.read",),
    "device release": (*COMMANDED, "registry.release-device"),
    "device resend": ("remote.command",),
    "device verify": OUTSIDE,
    "ecr enrol": OUTSIDE,
    "ecr go-on": OUTSIDE,
    "ecr order": OUTSIDE,
    "ecr print": OUTSIDE,
    "ecr renew": OUTSIDE,
    "ecr run": OUTSIDE,
    "ecr sell": OUTSIDE,
    "ecr status": OUTSIDE,
    "esdc clock set": OUTSIDE,
    "esdc clock show": OUTSIDE,
    "esdc clock sync": OUTSIDE,
    "esdc dump": OUTSIDE,
    "esdc export": OUTSIDE,
    "esdc log": OUTSIDE,
    "esdc rack": OUTSIDE,
    "esdc run": OUTSIDE,
    "inspections close": ("inspections.close",),
    "inspections list": ("inspections.list",),
    "inspections show": ("inspections.read",),
    "keys list": PUBLIC,
    "keys rotate": ("keys.rotate",),
    "keys verify": WHOLE,
    "ledger cross-proof": ("ledger.cross-proof",),
    "ledger export": ("ledger.export",),
    "ledger policy": PUBLIC,
    "ledger policy-approve": ("approvals.approve", "witnesses.change"),
    "ledger policy-ask": ("approvals.ask",),
    "ledger policy-refuse": ("approvals.refuse",),
    "ledger tamper-drill": ("ledger.drill",),
    "ledger trust": PUBLIC,
    "ledger verify": WHOLE,
    "migrate": ("schema.migrate",),
    "openapi": PUBLIC,
    "personal ask-export": ("approvals.ask",),
    "personal erase": ("approvals.ask", "personal.erase"),
    "personal export": ("approvals.done", "personal.export"),
    "pki approve": ("approvals.approve", "pki.revoke-many"),
    "pki block": ("pki.block",),
    "pki certify": ("pki.sign", "pki.issue"),
    "pki code": ("pki.code",),
    "pki crl": ("pki.take-list",),
    "pki device": ("registry.device",),
    "pki reconcile": WHOLE,
    "pki release": ("pki.release",),
    "pki revoke": ("pki.revoke",),
    "pki revoke-many": ("approvals.ask",),
    "pki root-list": ROOT,
    "pki show": ("pki.read", "activity.read"),
    "production approve": ("production.open-batch",),
    "production close": ("production.close-batch",),
    "production come-back": ("production.come-back",),
    "production damage": ("production.damage",),
    "production destroy": ("production.destroy",),
    "production find": ("production.find",),
    "production hand-over": ("production.hand-over",),
    "production lose": ("production.lose",),
    "production recall": ("production.recall",),
    "production ship": ("production.ship",),
    "production spoil": ("production.spoil",),
    "production store": ("production.store",),
    "production take-back": ("production.take-back",),
    "production module": ("production.read",),
    "production open": ("approvals.ask",),
    "production print": ("production.print", "production.print-again"),
    "production printed": ("production.printed",),
    "production profile": PUBLIC,
    "production refuse": ("production.refuse-batch",),
    "production report": ("production.report",),
    "production report-again": ("production.report-again",),
    "production run": ("production.run",),
    "production shut": ("production.close",),
    "production status": ("production.read",),
    "quarantine approve": ("approvals.approve",),
    "quarantine ask": ("approvals.ask",),
    "quarantine list": ("quarantine.read",),
    "quarantine refuse": ("approvals.refuse",),
    "receipt print": OUTSIDE,
    "registers accept": ("registry.accept-registers",),
    "registers close": ("registry.close-device",),
    "registers confirm": ("registry.confirm-register", "registry.device", "pki.code"),
    "registers end-rule": ("registry.end-rule",),
    "registers hold": ("registry.hold-device",),
    "registers list": ("registry.read-registers",),
    "registers refuse": ("registry.refuse-register",),
    "registers release": ("registry.release-device",),
    "restore catch-up": ("backup.restore",),
    "restore database": ("backup.restore",),
    "restore drill": WHOLE,
    "retention list": FIGURES,
    "retention run": ("retention.remove",),
    "sandbox card": TRIAL,
    "sandbox pos": OUTSIDE,
    "sandbox start": TRIAL,
    "sandbox tax-service": TRIAL,
    "state link": ("session.link",),
    "state stop": TRIAL,
    "state where": TRIAL,
    "state wipe": TRIAL,
    "taxservice dead": ("taxservice.read",),
    "taxservice resend": ("taxservice.resend",),
    "taxservice status": FIGURES,
    "verify": OUTSIDE,
    "vsdc enrol": ("vsdc.enrol",),
    "vsdc open": ("vsdc.read",),
    "vsdc pac": ("vsdc.pac",),
    "vsdc reactivate": ("vsdc.reactivate",),
    "vsdc retire": ("vsdc.retire",),
    "vsdc revoke": ("vsdc.revoke",),
    "vsdc signer": ("vsdc.signer",),
    "vsdc void": ("vsdc.void",),
    "witness distrust": OUTSIDE,
    "witness make": OUTSIDE,
    "witness monitor": OUTSIDE,
    "witness serve": OUTSIDE,
    "witness show": OUTSIDE,
    "witness trust": OUTSIDE,
    "worm show": OUTSIDE,
    "worm verify": OUTSIDE,
}

PAGES: dict[str, tuple[str, ...] | Why] = {
    "sign-in": PUBLIC,
    "sign-in-by-link": ("session.sign-in",),
    "sign-out": ("session.sign-out",),
    "home": OWN,
    "media": ("media.read",),
    "media-create": ("media.open", "media.add", "media.seal"),
    "media-upload": ("media.read",),
    "media-upload-list": PART,
    "media-add": ("media.add",),
    "media-commands": ("media.commands",),
    "media-commands-of": ("media.commands",),
    "media-initialise": ("media.initialise",),
    "activity": ("activity.read",),
    "approvals": ("approvals.read",),
    "approve-request": ("approvals.approve",),
    "refuse-request": ("approvals.refuse",),
    "builds": PUBLIC,
    "submit-build": ("builds.submit",),
    "decide-build": ("builds.certified", "builds.refused", "builds.suspended", "approvals.ask"),
    "inspections": ("inspections.list",),
    "inspection": ("inspections.read",),
    "close-inspection": ("inspections.close",),
    "live": FIGURES,
    "live-figures": FIGURES,
    "audits": ("audits.read",),
    "ask-override": ("override.ask",),
    "approve-override": ("override.approve",),
    "refuse-override": ("override.refuse",),
    "quarantine": ("quarantine.read",),
    "ask-quarantine": ("approvals.ask",),
    "approve-quarantine": ("approvals.approve",),
    "refuse-quarantine": ("approvals.refuse",),
    "witnesses": PUBLIC,
    "approve-policy": ("approvals.approve",),
    "refuse-policy": ("approvals.refuse",),
    "pki": ("pki.search",),
    "decide-certificate": ("pki.revoke", "pki.release"),
    "revoke-many": ("approvals.ask",),
    "production": ("production.read",),
    "batch": ("production.read",),
    "approve-batch": ("production.open-batch",),
    "refuse-batch": ("production.refuse-batch",),
}

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


def test_deeds_of_the_hosted_signer_are_acts_of_the_account(database: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        told = {"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path)}
        argv = [sys.executable, "-m", "tallystick", *arguments]
        return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)

    assert run("vsdc", "open").returncode == 0
    assert run("retention", "list").stdout.count(" may go") == 8
    assert run("retention", "run").stdout == "nothing has had its time\n"
    assert run("migrate").returncode == 0
    with psycopg.connect(database) as conn:
        acts = [one.act for one in activity.newest(conn)]
    assert [act.verb for act in acts] == ["schema.migrate", "vsdc.read"]
    assert {act.actor for act in acts} == {f"shell:{shell_account()}"}
