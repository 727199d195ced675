"""A later ceremony: the root certifies a branch's next authority, revokes one, or signs its list anew.

The custodians are those of the first ceremony, and their secret opens its store. What is made lies beside what was made
then; the record is a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from tallystick.authority.reference.pki.revoking import reason_of
from tallystick.crypto.branches import ROOT, Branches
from tallystick.crypto.certificates import der_of
from tallystick.crypto.generations import branch_of
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.issuing import Authority
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.policy import Use
from tallystick.crypto.publication import Points
from tallystick.crypto.root_work import RootWork, next_plan, plan_of
from tallystick.crypto.signers import StoreSigner
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.ceremony.conduct import Leader
from tallystick.ops.ceremony.making import OpenStore, Plan
from tallystick.ops.ceremony.record import Record
from tallystick.ops.ceremony.script import ROOT_STEPS, Step

_NAMES = tuple(step.name for step in ROOT_STEPS)


@attrs.frozen(kw_only=True)
class Task:
    """What the written order says: branches that get another authority, authorities that the root revokes, and why."""

    branches: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()
    reason: str = "ca-compromise"


@attrs.define(kw_only=True)
class RootConductor(Leader):
    """One session. ``first`` is the record of the first ceremony; the store is that one's."""

    plan: Plan
    first: Record
    task: Task
    open_store: OpenStore
    steps: tuple[Step, ...] = ROOT_STEPS
    _store: KeyStore | None = None

    def deeds(self) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        """See `Leader`."""
        return {
            "people": self._people,
            "place": self.place,
            "task": self._task,
            "proof": self.proof,
            "keys": self._keys,
            "certificates": self._certificates,
            "list": self._list,
            "trial": self._trial,
            "end": self.end,
        }

    @property
    def kind(self) -> str:
        """See `Leader`."""
        return "root"

    def expected_secret(self) -> str:
        """See `Leader`."""
        return self.first.facts("shares")["secretHash"]

    def close(self) -> None:
        """See `Leader`."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def run(self) -> Record:
        """See `Leader`; ``TS-3012`` also where the session that was begun has another order."""
        told = self.record.facts("task")
        if told and told != self._told(self.new):
            raise Fault("TS-3012", detail=f"{self.record.path} was begun with another order")
        return super().run()

    @property
    def new(self) -> list[str]:
        """Names of the authorities to make, as the record has them: a step that is repeated makes no other ones."""
        return self.record.facts("task").get("new", "").split()

    def _people(self) -> Mapping[str, str]:
        known = self.first.facts("people")
        custodians = {part: name for part, name in known.items() if part.startswith("custodian")}
        return self.names([], custodians) | custodians | {"quorum": known["quorum"]}

    def _task(self) -> Mapping[str, str]:
        reason_of(self.task.reason)
        names = [next_plan(self._branches, branch).name for branch in self.task.branches]
        known = {plan.name for plan in self._branches.plans}
        for name in self.task.revoke:
            if name not in known:
                raise Fault("TS-3022", detail=f"no issuing authority {name}")
        return self._told(names)

    def _told(self, names: list[str]) -> dict[str, str]:
        """The order as it stands in the record, with these names of new authorities; one for each branch asked."""
        branches = tuple(branch_of(name) for name in names)
        asked = names if branches == self.task.branches else ["another order"]
        return {"new": " ".join(asked), "revoke": " ".join(self.task.revoke), "reason": self.task.reason}

    def _keys(self) -> Mapping[str, str]:
        store = self._opened()
        for name in self.new:
            if name not in store.labels():
                store.generate(name, KeyKind.P384, KeyPurpose.AUTHORITY)
        return {name: store.public_key(name).fingerprint.hex() for name in self.new}

    def _certificates(self) -> Mapping[str, str]:
        work, at, made = self._work(), self.clock(), {}
        for name in self.new:
            key = self._opened().public_key(name)
            der = work.certify(plan_of(self._branches, name), key, at, self.plan.hosts)
            work.keep(name, der)
            made[name] = sha256(der).hex()
        return made

    def _list(self) -> Mapping[str, str]:
        task = self.record.facts("task")
        made, der = self._work().sign_list(task["revoke"].split(), reason_of(task["reason"]), self.clock())
        return {"number": str(made.number), "revoked": str(made.count), "sha256": sha256(der).hex()}

    def _trial(self) -> Mapping[str, str]:
        store, known, found = self._opened(), self.record.facts("keys"), {}
        for name in self.new:
            public, text = store.public_key(name), f"{self.plan.origin}: trial of {name}".encode()
            if public.fingerprint.hex() != known[name]:
                raise Fault("TS-3036", detail=f"the store's {name} is another key than the record's")
            signature = store.sign(name, Use.SIGN_CERTIFICATE_P384, text)
            verify_use(public, Use.SIGN_CERTIFICATE_P384, text, signature)
            found[name] = signature.hex()
        return found

    @property
    def _branches(self) -> Branches:
        return Branches(PkiFiles(self.plan.folder), self.plan.issuing)

    def _work(self) -> RootWork:
        certificate = self._branches.files.root.read_bytes()
        signer = StoreSigner.of(self._opened(), ROOT)
        root = Authority.of(der_of(certificate), signer, Points.of(self.plan.publication_url, ROOT))
        return RootWork(self._branches, root)

    def _opened(self) -> KeyStore:
        if self._store is None:
            self._store = self.open_store(self.the_secret())
        return self._store


def session_record(folder: Path) -> Record:
    """The record of the session that is not at its end, or of the next one."""
    number = 1
    while (found := Record.open(session_file(folder, number))).done == _NAMES:
        number += 1
    return found


def session_file(folder: Path, number: int) -> Path:
    """Where the record of a session lies."""
    return folder / f"root-session-{number}.jsonl"


def finished_sessions(folder: Path) -> list[Record]:
    """Records of the sessions that are at their end, oldest first; raises ``TS-3036`` where one was changed."""
    found: list[Record] = []
    while session_file(folder, len(found) + 1).exists():
        record = Record.open(session_file(folder, len(found) + 1))
        if record.done != _NAMES:
            break
        found.append(record)
    return found
