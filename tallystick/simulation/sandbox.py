"""The sandbox of a developer (E-08): an authority, E-SDCs with test cards, test registers; nobody else sells.

It is the country of `make demo` without its tills: the same processes, folders and commands, the failure budget off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from rich.console import Console

from tallystick.crypto.pki import DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.fixed_point import Money
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.connecting import connecting_services, enrol_url
from tallystick.ops.database import running_database
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.supervisor import Supervisor, stop_flag
from tallystick.simulation.children import Children
from tallystick.simulation.country import Country, load_keys, open_country, read_birth
from tallystick.simulation.hosted import DemoPos, hosted_row, prepare_hosting
from tallystick.simulation.national import setup
from tallystick.simulation.sandbox_cards import CardNote, SandboxError, TestCards, await_port, await_registration
from tallystick.simulation.sandbox_papers import Addresses, Papers
from tallystick.simulation.sandbox_registers import TestRegisters
from tallystick.wire.openapi_pos import EXAMPLE_REQUEST

__all__ = ["Sandbox", "SandboxError", "add_card", "add_register"]

TEST_OWNERS = (("100000011", "First Test Shop Ltd"), ("100000022", "Second Test Shop Ltd"))
CARD_LIMIT = Money(1_000_000_0000)
_TICK_SECONDS = 0.05


class _Stopped(Exception):
    """The person wants to end before everything runs."""


class Sandbox:
    """One run, from the command to Ctrl-C."""

    def __init__(self, settings: Settings, console: Console, *, fresh: bool = False, host: str = "127.0.0.1") -> None:
        self._settings = msgspec.structs.replace(settings, timing="demo", single_disk_accepted=True)
        self._console = console
        self._fresh = fresh
        self._host = host
        self._state = StateFolder.of(settings.state)
        self._stop_wanted: Callable[[], bool] = lambda: False

    def run(self) -> int:
        """Start everything, say where it is, keep it running; 0 after a clean end."""
        self._state.make()
        with Supervisor(self._state.run) as supervisor:
            if self._fresh and self._state.wipe():
                self._state.make()
                self._say("The former country was removed.")
            self._stop_wanted = stop_flag()
            self._say("Making the country: keys, database, rates …")
            country = open_country(self._settings, self._state)
            try:
                self._run_country(country, supervisor)
            except _Stopped:
                pass
            finally:
                supervisor.stop_all()
                country.close()
        self._say("The sandbox has ended. What it holds stays for the next start.")
        return 0

    def _run_country(self, country: Country, supervisor: Supervisor) -> None:
        self._say("Starting the authority …")
        children = Children(country, self._settings, self._host, supervisor)
        hosted_pos = prepare_hosting(country, self._settings, children.vsdc_url) if self._settings.demo_vsdc else None
        children.hosts = hosted_pos is not None
        children.start()

        def pause() -> None:
            if self._stop_wanted():
                raise _Stopped
            supervisor.tick()
            time.sleep(_TICK_SECONDS)

        cards = TestCards(state=country.state, pack=country.pack, pki=country.pki, api_url=country.api_url)
        pause()
        self._say("Putting in the test cards …")
        with psycopg.connect(country.intake_dsn) as conn:
            notes = _cards_at_start(cards, conn, pause)
        ports = {}
        for note in notes:
            cards.serve(note.uid)
            ports[note.uid] = await_port(country.state, note.uid, pause)
        self._say("Entering the test registers …")
        registers = _registers(country.state, country.pack, country.pki, self._settings)
        builds = registers.prepare(country.portal_dsn, country.intake_dsn)
        addresses = Addresses(
            ecr=children.ecr_url, est=children.est_url, public=children.public_url, pki=country.birth.pki_url
        )
        papers = Papers(
            root=registers.root, root_certificate=country.pki.files.root, pack=country.pack, addresses=addresses
        )
        devices = papers.write(builds, pause)
        self._print(country, children, cards, notes, ports, hosted_pos, registers.root, devices)
        supervisor.run_until(self._stop_wanted)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _print(
        self,
        country: Country,
        children: Children,
        cards: TestCards,
        notes: list[CardNote],
        ports: dict[str, int],
        hosted_pos: DemoPos | None,
        registers: Path,
        devices: list[str],
    ) -> None:
        example = cards.folder / "first-invoice.json"
        write_atomically(example, msgspec.json.format(msgspec.json.encode(_first_invoice(country)), indent=2))
        self._say("\nThe sandbox runs. Ctrl-C ends it.\n")
        for note in notes:
            where = f"PIN in {cards.pin_file(note.uid)}" if note.pin else "PIN printed when it was made"
            self._say(f"  E-SDC with card {note.uid}   http://127.0.0.1:{ports[note.uid]}   {note.name}, {where}")
        for uid in devices:
            self._say(f"  test register {uid}    {registers / uid}")
        rows = (
            ("registers and ERP systems", f"{children.ecr_url}/  (openapi.json, erp/v1/openapi.json)"),
            ("TaxCore.API", country.api_url),
            ("root of the PKI", str(country.pki.files.root)),
            ("enrolment of devices (EST)", children.est_url),
            ("revocation lists, OCSP", country.birth.pki_url),
            ("verification, checkpoint", children.public_url),
            ("queue to the tax service", f"{children.tax_queue_url}queue  (played by {children.tax_office.url})"),
            ("operator's pages", f"{children.portal_url}  (`make link` prints a sign-in link)"),
            ("descriptions", f"http://127.0.0.1:{ports[notes[0].uid]}/openapi.json, {country.api_url}openapi.json"),
            ("cards, PINs, logs", f"{country.state.demo}/esdc, {cards.folder}, {country.state.logs}"),
            *hosted_row(country, children, hosted_pos),
            *(("a test register, asked", _asking(registers / uid, children.ecr_url)) for uid in devices[:1]),
        )
        for name, value in rows:
            self._say(f"  {name:<28}{value}")
        kept = next((note for note in notes if note.pin), notes[0])
        at = f"http://127.0.0.1:{ports[kept.uid]}/api/v3"
        self._say("\nYour first invoice:\n")
        self._say(f"  curl -s {at}/pin -H 'Content-Type: text/plain' -d @{cards.pin_file(kept.uid)}")
        self._say(f"  curl -s {at}/invoices -H 'RequestId: first-1' -d @{example}\n")


def _registers(state: StateFolder, pack: CountryPack, pki: DemoPki, settings: Settings) -> TestRegisters:
    return TestRegisters(
        root=state.demo / "sandbox" / "registers",
        pack=pack,
        services=pki_services(pki),
        connecting=connecting_services(pack, enrol_url(settings, state)),
        clock=system_clock,
    )


def _asking(folder: Path, ecr_url: str) -> str:
    """A command that asks where a device stands."""
    papers = f"--cacert {folder}/root.pem --cert {folder}/device.pem --key {folder}/device.key"
    return f"curl -s {papers} {ecr_url}/ecr/v1/device"


def _first_invoice(country: Country) -> dict[str, Any]:
    """The least that a sale needs; where the country has not the example's tax label, with one of its own."""
    newest = country.pack.tax_groups[-1]
    known = {rate.label for category in newest.categories for rate in category.rates}
    if all(label in known for item in EXAMPLE_REQUEST["items"] for label in item["labels"]):
        return dict(EXAMPLE_REQUEST)
    items = [{**item, "labels": [country.pack.default_label]} for item in EXAMPLE_REQUEST["items"]]
    return {**EXAMPLE_REQUEST, "items": items}


def _cards_at_start(
    cards: TestCards, conn: psycopg.Connection[tuple[object, ...]], pause: Callable[[], None]
) -> list[CardNote]:
    """The two cards of the sandbox, made when they are missing, and those that were added before."""
    known = {note.tin for note in cards.notes() if note.pin}
    for tin, name in TEST_OWNERS:
        if tin not in known:
            cards.make(conn, tin=tin, name=name, limit=CARD_LIMIT, served=True, kept=True)
            pause()
    notes = [note for note in cards.notes() if note.served]
    for note in notes:
        await_registration(conn, note.uid, pause)
    return notes


def add_card(settings: Settings, *, tin: str, name: str, limit: Money, served: bool) -> list[str]:
    """Another test card for a sandbox that runs; the lines to print, the PIN among them, which is kept nowhere else.

    Raises `SandboxError`.
    """
    state = StateFolder.of(settings.state)
    owner_dsn = running_database(state)
    if owner_dsn is None:
        raise SandboxError("no sandbox runs here; `tallystick sandbox` starts one")
    birth = read_birth(state)
    pack = load_pack(birth.code)
    cards = TestCards(state=state, pack=pack, pki=load_keys(state, pack), api_url=birth.api_url)
    with psycopg.connect(as_role(owner_dsn, INTAKE)) as conn:
        note, pin = cards.make(conn, tin=tin, name=name, limit=limit, served=served, kept=False)
        await_registration(conn, note.uid)
    lines = [
        f"UID      {note.uid}",
        f"PIN      {pin}   (printed once; keep it)",
        f"limit    {limit.decimal:.2f}",
        f"owner    {name}, TIN {tin}",
        f"card     {state.esdc(note.uid)}",
        f"root     {cards.pki.files.root}",
        f"API      {birth.api_url}",
    ]
    if served:
        cards.serve(note.uid)
        lines.append(f"E-SDC    http://127.0.0.1:{await_port(state, note.uid)}")
    return lines


def add_register(settings: Settings, kind: DeviceClass, folder: Path | None = None) -> list[str]:
    """A further device of the test company, for a key that its maker makes; the lines to print, its code among them.

    With ``folder`` everything of `tallystick ecr` but the key is written there, and the lines say how to start it.
    Raises `SandboxError`.
    """
    state = StateFolder.of(settings.state)
    owner_dsn = running_database(state)
    if owner_dsn is None:
        raise SandboxError("no sandbox runs here; `tallystick sandbox` starts one")
    if folder is not None and kind is DeviceClass.ERP:
        raise SandboxError("an ERP system is no `tallystick ecr`; leave the folder out, and enrol your own key")
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise SandboxError(f"{folder} is not empty")
    birth = read_birth(state)
    pack = load_pack(birth.code)
    pki = load_keys(state, pack)
    registers = _registers(state, pack, pki, settings)
    try:
        build = registers.build(kind)
        uid, code = registers.register(as_role(owner_dsn, INTAKE), kind)
    except OSError:
        raise SandboxError("this country has no test registers; start it with `tallystick sandbox`") from None
    door = f"https://127.0.0.1:{_port(state, 'ecr')}"
    lines = [
        f"UID      {uid}",
        f"code     {code}   (for one enrolment within 72 hours)",
        f"class    {kind.word}",
        f"build    {build}",
        f"root     {pki.files.root}",
        f"EST      {registers.connecting.enrol_url}",
        f"ECR      {door}/",
    ]
    if folder is None:
        return lines
    to = setup.Addresses(
        door=door,
        est=registers.connecting.enrol_url,
        renewal=f"{birth.pki_url}pki/renewal-info",
        receipts=f"http://127.0.0.1:{_port(state, 'public')}",
        audience=msgspec.structs.replace(settings, country=birth.code, timing="demo").log_origin,
    )
    setup.write_register(folder, registers.plan(uid, kind), pack, pki, to, build)
    secret, _ = setup.passphrase_in(folder)
    papers = f"{folder} --passphrase-file {secret}"
    return [
        *lines,
        f"enrol    tallystick ecr enrol {papers} --code {code}",
        f"run      tallystick ecr run {papers}",
    ]


def _port(state: StateFolder, name: str) -> str:
    return (state.run / f"{name}.port").read_text(encoding="ascii")
