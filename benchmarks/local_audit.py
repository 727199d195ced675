"""Claims: a medium takes packages at half the speed of a plain copy, an upload nearly as fast as the device API does.

The plain copy writes the same bytes to the same disk with one flush a file, which is the least that loses nothing. The
upload does all that the device API does, and before that stores each file once more; it is measured from the portal's
first byte in the database to the last verdict, with the authority's real worker and the pipeline behind it. The limit
beside it is what the device API takes of packages of the same kind, in this run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.claim import Claim, per_second
from benchmarks.intake import sealed_packages
from benchmarks.limits import disk_folder
from benchmarks.package_load import submit
from benchmarks.package_maker import Card
from tallystick.authority.channels.sdc.uploads import operations, queries
from tallystick.authority.channels.sdc.uploads.values import Offered, Sender
from tallystick.device.esdc.local_audit import PIECE_PACKAGES
from tallystick.device.esdc.medium import Medium
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import PORTAL, as_role

COPY_SHARE = 0.5
INTAKE_SHARE = 0.9
CARDS = 8
_UID = "BENCH000"
_PACKAGE_BYTES = 6_500
_ROUNDS = 5
_CONNECTIONS = 32


def run(full: bool) -> Iterable[Claim]:
    """Copy, then upload; ``full`` uploads 10,000 packages."""
    yield _copy_claim(3_000 if full else 600)
    packages = 10_000 if full else 2_000
    with running_authority(CARDS) as authority:
        yield _upload_claim(authority, packages)


def _copy_claim(count: int) -> Claim:
    packages = [(ordinal, os.urandom(_PACKAGE_BYTES)) for ordinal in range(1, count + 1)]
    plain, ours = [], []
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        for number in range(_ROUNDS):
            plain.append(_plain_copy(Path(name) / f"plain{number}", packages))
            ours.append(_export(Path(name) / f"medium{number}", packages))
    limit, measured = count / min(plain), count / min(ours)
    return Claim(
        "packages copied to a medium, flushed, renamed, in pieces",
        per_second(measured, "packages"),
        per_second(limit, "files") + " (plain copy with a flush)",
        measured / limit,
        f">= {COPY_SHARE:g}",
        measured / limit >= COPY_SHARE,
    )


def _plain_copy(folder: Path, packages: list[tuple[int, bytes]]) -> float:
    folder.mkdir()
    start = time.perf_counter()
    for ordinal, package in packages:
        handle = os.open(folder / f"{ordinal}.json", os.O_WRONLY | os.O_CREAT)
        os.write(handle, package)
        os.fsync(handle)
        os.close(handle)
    took = time.perf_counter() - start
    shutil.rmtree(folder)
    return took


def _export(folder: Path, packages: list[tuple[int, bytes]]) -> float:
    folder.mkdir()
    start = time.perf_counter()
    medium = Medium(folder)
    medium.prepare(_UID)
    for first in range(0, len(packages), PIECE_PACKAGES):
        request = bytes(260) if first == 0 else None
        medium.write_packages(_UID, packages[first : first + PIECE_PACKAGES], request)
    took = time.perf_counter() - start
    shutil.rmtree(folder)
    return took


def _upload_claim(authority: RunningAuthority, packages: int) -> Claim:
    bodies = sealed_packages(authority.cards, 400 + 2 * packages)
    warm, online, carried = bodies[:400], bodies[400 : 400 + packages], bodies[400 + packages :]
    submit(authority.port, authority.client_tls, authority.token, warm[:200], _CONNECTIONS)
    _upload(authority, _named(authority.cards, bodies, 200, warm[200:]))
    result = submit(authority.port, authority.client_tls, authority.token, online, _CONNECTIONS)
    limit = result.accepted / result.seconds
    seconds, accepted = _upload(authority, _named(authority.cards, bodies, 400 + packages, carried))
    measured = accepted / seconds
    return Claim(
        f"upload of {packages:,} packages, from the page to the last verdict",
        per_second(measured, "packages"),
        per_second(limit, "packages") + " (device API)",
        measured / limit,
        f">= {INTAKE_SHARE:g}",
        measured / limit >= INTAKE_SHARE and accepted == packages,
    )


def _named(cards: list[Card], bodies: list[bytes], skip: int, carried: list[bytes]) -> list[Offered]:
    """Names as devices give them: packages lie card by card, one of each in turn."""
    assert len(bodies) % len(cards) == 0
    offered = []
    for number, body in enumerate(carried, skip):
        uid, ordinal = cards[number % len(cards)].uid, number // len(cards) + 1
        offered.append(Offered(f"{uid}-{uid}-{ordinal}.json", body))
    return offered


def _upload(authority: RunningAuthority, offered: list[Offered]) -> tuple[float, int]:
    officer = Sender(user_id=0, username="officer", acts_for=None)
    with psycopg.connect(as_role(authority.country.owner_dsn, PORTAL), autocommit=True) as conn:
        start = time.perf_counter()
        number = operations.open_upload(conn, officer, system_clock())
        operations.add_files(conn, officer, number, offered, system_clock())
        operations.seal(conn, officer, number, system_clock())
        while not (state := queries.upload(conn, officer, number)).is_finished:
            time.sleep(0.1)
        return time.perf_counter() - start, state.accepted
