"""The drill: each manipulation on a fresh copy, all detectors on each, and the honest ledger between them.

A detector that must fire and does not is a miss; one that fires on an honest copy is a false alarm; both fail it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from tallystick.authority.ledger.export_chunks import FindCertificates
from tallystick.kernel.faults import Fault
from tallystick.simulation.tampering.catalogue import CATALOGUE
from tallystick.simulation.tampering.detectors import DETECTORS, Detector, Sight
from tallystick.simulation.tampering.evidence import Evidence, gather
from tallystick.simulation.tampering.manipulation import Manipulation
from tallystick.simulation.tampering.relink import relink
from tallystick.simulation.tampering.scene import (
    PREFIX,
    Keys,
    Scene,
    copy_tables,
    drop_database,
    fill_activity,
    find_register,
    find_victim,
    make_database,
    sign_heads,
)

HONEST = Manipulation(name="honest", title="nothing at all", deeds=(), must=frozenset())
_TEMPLATE = f"{PREFIX}template"


@attrs.frozen(kw_only=True)
class Result:
    """What came of one manipulation: which detectors fired, with the first thing that each said."""

    manipulation: Manipulation
    fired: dict[str, str]

    @property
    def missed(self) -> frozenset[str]:
        """Detectors that had to fire and stayed silent."""
        return self.manipulation.must - self.fired.keys()

    @property
    def is_good(self) -> bool:
        """Every detector that had to fired; on an honest copy none."""
        return not self.missed if self.manipulation.must else not self.fired


@attrs.define
class Drill:
    """Copies of one ledger on a server of its own; ``administrator`` reaches that server, ``blank`` is a migrated,
    empty database there. Use as a context: all copies are dropped at its end."""

    administrator: str
    folder: Path
    origin: str
    roots: tuple[Path, ...]
    issuers: tuple[bytes, ...] = ()
    detectors: Sequence[Detector] = DETECTORS
    blank: str = "tallystick"
    certificates: FindCertificates = lambda _: ()
    _keys: Keys = attrs.field(init=False)
    _scene: Scene = attrs.field(init=False)
    _evidence: Evidence = attrs.field(init=False)

    def __enter__(self) -> Drill:
        """Nothing is made before ``prepare``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop every copy."""
        drop_database(self.administrator, _TEMPLATE)
        drop_database(self.administrator, f"{PREFIX}copy")

    def prepare(self, source: str) -> Result:
        """Copy the ledger at ``source``, sign the copy, gather what others keep, and look at it as it is.

        Raises ``TS-3056`` when the copy is not whole to begin with: on such a ledger no drill says anything.
        """
        self._keys = Keys(origin=self.origin)
        drop_database(self.administrator, _TEMPLATE)
        dsn = make_database(self.administrator, _TEMPLATE, self.blank)
        copy_tables(source, dsn)
        fill_activity(dsn)
        sign_heads(dsn, self._keys)
        base = self.folder / "template"
        base.mkdir(parents=True)
        victim = find_victim(dsn)
        self._scene = Scene(
            dsn=dsn,
            folder=base,
            keys=self._keys,
            policy=self._write_policy(),
            victim=victim,
            national=find_register(dsn, victim),
            issuers=self.issuers,
            certificates=self.certificates,
        )
        self._scene.rewrite_mirror()
        self._scene.republish()
        self._evidence = gather(dsn, self.folder / "kept", self._keys, self._scene.victim)
        honest = self.attempt(HONEST)
        if not honest.is_good:
            said = "; ".join(f"{name}: {text}" for name, text in honest.fired.items())
            raise Fault("TS-3056", detail=f"the copy is not whole to begin with: {said[:500]}")
        return honest

    def _write_policy(self) -> Path:
        path = self.folder / "policy.txt"
        lines = [
            f"log {self._keys.log_key.verifier_key}",
            *(f"root {root.absolute()}" for root in self.roots),
            f"witness court {self._keys.witness_key.verifier_key}",
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    @property
    def has_registers(self) -> bool:
        """Whether the ledger holds what the national part of the catalogue is tried on."""
        return self._scene.national is not None

    def run(self, chosen: Sequence[Manipulation] = CATALOGUE) -> Iterator[Result]:
        """Try them one after the other."""
        for manipulation in chosen:
            yield self.attempt(manipulation)

    def attempt(self, manipulation: Manipulation, *, only: frozenset[str] | None = None) -> Result:
        """One manipulation on a copy of its own, and all detectors on that, or ``only`` these."""
        name = f"{PREFIX}copy"
        drop_database(self.administrator, name)
        scene = attrs.evolve(
            self._scene,
            dsn=make_database(self.administrator, name, _TEMPLATE),
            folder=self._fresh_folder(),
        )
        if manipulation.national:
            if scene.national is None:
                raise Fault("TS-3056", detail="the ledger has no shift of a register to tamper with")
            scene = attrs.evolve(scene, victim=scene.national)
        tamper(scene, manipulation)
        sight = Sight(scene, self._evidence)
        looking = [one for one in self.detectors if only is None or one.name in only]
        try:
            fired = {one.name: said[0] for one in looking if (said := one.look(sight))}
        finally:
            sight.close()
        return Result(manipulation=manipulation, fired=fired)

    def _fresh_folder(self) -> Path:
        """Mirror and tiles of the template under other names: what is written anew does not touch the first."""
        folder = self.folder / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._scene.folder, folder, copy_function=os.link)
        return folder


def tamper(scene: Scene, manipulation: Manipulation) -> None:
    """Do it, with all that belongs to it; raises ``TS-3056`` on anything but a copy."""
    with scene.hands_on():
        pass
    for deed in manipulation.deeds:
        deed(scene)
    if manipulation.relinked:
        relink(scene.dsn, scene.keys.head if manipulation.resigned else None)
    if manipulation.mirror:
        scene.rewrite_mirror()
    if manipulation.published:
        scene.republish()


def table(results: Sequence[Result], detectors: Sequence[str]) -> Iterator[str]:
    """Manipulation by detector: ``●`` fired as it must, ``○`` fired as well, ``✗`` missed, ``!`` false alarm."""
    width = max(len(one.manipulation.name) for one in results)
    yield " " * width + "  " + " ".join(detectors)
    for one in results:
        marks = " ".join(_mark(one, name).center(len(name)) for name in detectors)
        yield f"{one.manipulation.name:<{width}}  {marks}  {'' if one.is_good else 'FAILED'}".rstrip()


def _mark(result: Result, name: str) -> str:
    if name in result.missed:
        return "✗"
    if name not in result.fired:
        return "·"
    if not result.manipulation.must:
        return "!"
    return "●" if name in result.manipulation.must else "○"
