"""The demonstration's witnesses: processes with folders and keys of their own, as other institutions would run them."""

from __future__ import annotations

import sys

import psycopg

from tallystick.authority.assurance.witnesses import operations, queries
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings
from tallystick.ops.supervisor import ChildSpec, ready_by_file
from tallystick.simulation.country import Country
from tallystick.wire.signed_note import KeyType, NoteKey
from tallystick.wire.tlog_policy import Policy, PolicyGroup, PolicyLog, PolicyWitness, write_policy
from tallystick.witness.api import PREFIX
from tallystick.witness.folder import WitnessFolder

INSTITUTIONS = ("authority", "court-of-auditors", "university", "chamber", "bank-of-issue")
FIRST_PORT = 8460


class Watchers:
    """So many witnesses as the settings say, and the policy that names them: more than half are the quorum."""

    def __init__(self, country: Country, settings: Settings) -> None:
        self._country = country
        self._names = INSTITUTIONS[: settings.demo_witnesses]
        log = NoteKey(settings.log_origin, KeyType.LOG, country.pki.public_key("log").raw)
        keys = [self._make(name, log) for name in self._names]
        if keys:
            self._found(log, keys)

    def _folder(self, name: str) -> WitnessFolder:
        return WitnessFolder(self._country.state.witnesses / name)

    def _make(self, name: str, log: NoteKey) -> PolicyWitness:
        folder = self._folder(name)
        key = folder.make(f"{name}.example/w1")
        store = folder.store()
        store.trust(log, int(system_clock().timestamp()))
        store.close()
        return PolicyWitness(name, key)

    def _found(self, log: NoteKey, keys: list[PolicyWitness]) -> None:
        """Put the policy in force when the country is new; how it changes later is for two officers."""
        group = PolicyGroup("institutions", len(keys) // 2 + 1, self._names)
        policy = Policy((PolicyLog(log),), tuple(keys), (group,), group.name)
        with psycopg.connect(self._country.intake_dsn) as conn:
            if queries.policy(conn) is None:
                operations.found_policy(conn, write_policy(policy), "process:demo", system_clock())

    def specs(self) -> list[ChildSpec]:
        """The processes to start. They get no address of the database and no key of the authority."""
        return [self._spec(number, name) for number, name in enumerate(self._names)]

    def _spec(self, number: int, name: str) -> ChildSpec:
        folder = self._folder(name)
        folder.port_file.unlink(missing_ok=True)
        command = ("witness", "serve", "--folder", str(folder.root), "--port", str(FIRST_PORT + number))
        return ChildSpec(
            name=f"witness-{name}",
            argv=(sys.executable, "-m", "tallystick", *command),
            log_file=self._country.state.logs / f"witness-{name}.log",
            environment={"TALLYSTICK_DATABASE_URL": ""},
            ready=ready_by_file(folder.port_file),
        )

    def addresses(self) -> dict[str, str]:
        """Where each listens, once it does."""
        ports = {name: self._folder(name).port_file for name in self._names}
        return {name: f"http://127.0.0.1:{file.read_text()}{PREFIX}" for name, file in ports.items() if file.exists()}
