"""The maker of this program in the simulated country: he signs what lies here, and an officer certifies it (S0-082).

The release key is the maker's, so it lies apart from the authority's keys. Another state of the files is another
version.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import psycopg

from tallystick import __version__
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.builds import operations, queries
from tallystick.crypto.keys import generate_p256_key, load_private_key, store_private_key
from tallystick.crypto.signatures import sign_es256
from tallystick.kernel.builds import BuildClass, BuildState
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.build_files import OWN_FILES, measure
from tallystick.simulation.sign_in import OFFICERS
from tallystick.wire.build_manifest import Manifest, write_manifest

MAKER = "tallystick"
_measured = cache(measure)
"""The files of a running program do not change; several builds are made of the same."""
_REASON = "the build of the demonstration, measured where it runs"


def certify_own_build(
    dsn: str,
    folder: Path,
    at: datetime,
    *,
    build_class: BuildClass = BuildClass.ESDC,
    product: str = "Tallystick E-SDC",
    sources: Path = OWN_FILES,
) -> Path:
    """Sign, submit and certify what lies below ``sources``, unless that was done; returns the manifest's file.

    ``dsn`` is of a role that may write builds, ``folder`` belongs to the maker.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file = folder / "release-key.pem"
    if not key_file.exists():
        store_private_key(key_file, generate_p256_key())
    key = load_private_key(key_file)
    files = _measured(sources)
    state = sha256("\n".join(f"{digest} {name}" for name, digest in files.items()).encode()).hex()[:12]
    name = "build" if build_class is BuildClass.ESDC else str(build_class)
    manifest_file = folder / f"{name}-{state}.jws"
    if not manifest_file.exists():
        manifest = Manifest(
            maker=MAKER,
            product=product,
            version=f"{__version__}+{state}",
            build_class=build_class,
            files=files,
        )
        write_atomically(manifest_file, write_manifest(manifest, key.public.spki, lambda text: sign_es256(key, text)))
    officer = Person(OFFICERS[0], PORTAL)
    with psycopg.connect(dsn) as conn:
        operations.register_maker(conn, MAKER, "Tallystick", key.public, officer, at, user_id=None)
        build_id = operations.submit(conn, manifest_file.read_bytes(), f"maker:{MAKER}", at)
        build = queries.build(conn, build_id)
        if build is not None and build.state is BuildState.SUBMITTED:
            operations.certify(conn, build_id, officer, _REASON, at)
    return manifest_file
