"""Making fiscal modules: a whole production run against the same keys made bare, in as many processes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import psycopg

from benchmarks.claim import Claim, per_second
from benchmarks.limits import disk_folder
from tallystick.authority.keys.operations import enter_key
from tallystick.authority.keys.values import SERIES, AuthorityKey
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches
from tallystick.authority.reference.registry.operations import create_user, register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.publication import DEFAULT_URL
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.ops.packs import load_pack
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.processes.context import system_clock
from tallystick.ops.production.run import RunPlan, run_batch
from tallystick.ops.schema.migrate import migrate
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.state_folder import StateFolder

MODULES, MODULES_SHORT = 1_000, 120
KEYS_OF_A_MODULE = 2
TARGET = 0.8
_COUNTRY = "AQ"
_CHUNK = 4


def run(full: bool) -> Iterator[Claim]:
    """One claim: modules a second of a run with nothing left out, against bare keys before and after it."""
    modules, workers = (MODULES if full else MODULES_SHORT), 2 * (os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-", dir=disk_folder()) as place:
        before = _bare_rate(modules // 2, workers)
        rate = _production_rate(Path(place), modules, workers)
        limit = (before + _bare_rate(modules // 2, workers)) / 2
    ratio = rate / limit
    yield Claim(
        name=f"production of {modules:,} modules",
        measured=per_second(rate, "modules"),
        limit=per_second(limit, "pairs of bare keys"),
        ratio=ratio,
        target=f">= {TARGET}",
        ok=ratio >= TARGET,
    )


def _bare_rate(modules: int, workers: int) -> float:
    """Pairs of RSA-2048 keys a second, in as many processes, which are there already."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(_bare_keys, [1] * workers * 2))
        start = time.perf_counter()
        list(pool.map(_bare_keys, [_CHUNK * KEYS_OF_A_MODULE] * (modules // _CHUNK)))
        return modules // _CHUNK * _CHUNK / (time.perf_counter() - start)


def _bare_keys(count: int) -> None:
    for _ in range(count):
        generate_rsa_key()


def _production_rate(place: Path, modules: int, workers: int) -> float:
    """A batch that two persons opened, made from blanks to both registries; the start of the processes is left out."""
    state, pack = StateFolder(place / "state"), load_pack(_COUNTRY)
    state.make()
    place.chmod(0o711)
    pki = DemoPki.create(
        state.keys, environment=pack.environment, organization="Bench", country=pack.country, at=datetime.now(UTC)
    )
    with EmbeddedPostgres(place / "postgres", durable=True) as server:
        migrate(server.owner_dsn)
        _know_keys(server.owner_dsn, pki)
        batch_id = _open_batch(server.owner_dsn, modules + workers)
        plan = RunPlan(
            batch_id=batch_id,
            dsn=as_role(server.owner_dsn, INTAKE),
            state=state.root,
            country=_COUNTRY,
            api_url="https://localhost:8443/",
            vsdc_url="",
            pki_url=DEFAULT_URL,
            box=place / "box",
        )
        made = run_batch(plan, system_clock, workers)
        for _ in range(workers):  # every process has begun
            next(made)
        start = time.perf_counter()
        done = sum(1 for _ in made)
        return done / (time.perf_counter() - start)


def _know_keys(dsn: str, pki: DemoPki) -> None:
    """The country's keys as its database has them."""
    with psycopg.connect(dsn) as conn:
        for series, (purpose, _) in SERIES.items():
            at, public = datetime.now(UTC), pki.public_key(series)
            key = AuthorityKey(label=series, series=series, purpose=purpose, public_key=public, active_at=at)
            enter_key(conn, key, b"no statement", at=at, actor="process:bench")


def _open_batch(dsn: str, modules: int) -> int:
    rows = [f"100000001,Grocers Ltd,Store {number},1 Harbour Street,North,McMurdo" for number in range(modules)]
    order = "\n".join(["tin,business_name,location_name,address,district,city", *rows]).encode()
    now = datetime.now(UTC)
    with psycopg.connect(dsn) as conn:
        for name in ("vera", "omar"):
            create_user(conn, name, "!", name, "officer")
        register_taxpayer(conn, Taxpayer(Tin("100000001"), "Grocers Ltd"))
        batch = batches.ask_to_open(
            conn,
            order,
            profile="virtual",
            blanks=modules,
            years=4,
            usual_limit=Money.of(1_000),
            reason="to be measured, all of it",
            by=Person("vera", "portal"),
            at=now,
        )
        batches.approve(conn, batch.batch_id, Person("omar", "portal"), now)
    return batch.batch_id
