"""Papers of a test device in a folder as the sandbox makes them."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey, store_private_key
from tallystick.kernel.country_pack import CountryPack
from tallystick.simulation.sandbox_papers import Addresses, Papers

NOWHERE = "http://127.0.0.1:1/"


def papers_of(root: Path, authority: Path, pack: CountryPack, port: int) -> Papers:
    """Written about the door at this port alone."""
    addresses = Addresses(ecr=f"https://127.0.0.1:{port}", est=NOWHERE, public=NOWHERE, pki=NOWHERE)
    return Papers(root=root, root_certificate=authority, pack=pack, addresses=addresses)


def papers_folder(root: Path, till: NationalTill, authority: Path, pack: CountryPack, port: int) -> Path:
    """The folder of a device that the door at this port serves."""
    folder = root / till.uid
    folder.mkdir()
    store_private_key(folder / "device.key", PrivateKey(till.device.key))
    (folder / "device.pem").write_bytes(pem_of(till.certificate))
    papers = papers_of(root, authority, pack, port)
    assert papers.write({till.uid: till.build}, lambda: time.sleep(0.05)) == [till.uid]
    return folder
