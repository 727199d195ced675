"""The hosted signer of a demonstration: one signing element, and one POS certificate for a person to try with curl."""

from __future__ import annotations

from pathlib import Path

import attrs
import msgspec
import psycopg

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.hosting import Addresses, enrol, make_signer
from tallystick.ops.key_store import open_key_store, pac_secret
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings
from tallystick.simulation.children import Children
from tallystick.simulation.country import Country

_FOLDER = "vsdc"
_PAPERS = "pos.json"
_NAME = "demo-pos"


class _Papers(msgspec.Struct, frozen=True):
    uid: str
    password: str
    pac: str


@attrs.frozen
class DemoPos:
    """What a person needs to sell through the hosted signer. A demonstration keeps it; a real operator would not."""

    bundle: Path
    password: str = attrs.field(repr=False)
    pac: str = attrs.field(repr=False)

    def curl(self, port: int, root: Path) -> str:
        """A command that asks the hosted signer how it is."""
        return (
            f"curl --cacert {root} --cert-type P12 --cert {self.bundle}:{self.password} "
            f"-H 'PAC: {self.pac}' https://127.0.0.1:{port}/api/v3/status"
        )


def prepare_hosting(country: Country, settings: Settings, vsdc_url: str) -> DemoPos | None:
    """Make signing element and POS once, or find them; none where the country is older than the hosted signer."""
    folder = country.state.demo / _FOLDER
    file, bundle = folder / _PAPERS, folder / f"{_NAME}.nochain.p12"
    if not file.exists():
        try:
            _make(country, settings, vsdc_url, file, bundle)
        except Fault as fault:
            if fault.code != "TS-3006":
                raise
            return None
    papers = msgspec.json.decode(file.read_bytes(), type=_Papers)
    return DemoPos(bundle, papers.password, papers.pac)


def hosted_row(country: Country, children: Children, pos: DemoPos | None) -> list[tuple[str, str]]:
    """The line that tells a person how to reach the hosted signer; none where it does not run."""
    if pos is None:
        return []
    return [("the hosted signer, asked", pos.curl(children.vsdc_port, country.pki.files.root))]


def _make(country: Country, settings: Settings, vsdc_url: str, file: Path, bundle: Path) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    pack, at = country.pack, system_clock()
    addresses = Addresses(api_url=country.api_url, vsdc_url=vsdc_url)
    keys = open_key_store(settings, country.state)
    with psycopg.connect(country.intake_dsn) as conn:
        make_signer(conn, country.pki, keys, pack, addresses, at)
        papers = enrol(conn, country.pki, pack, _seller(country), addresses, at, pac_secret=pac_secret(country.state))
    keys.close()
    write_atomically(bundle, papers.bundle, mode=0o600)
    kept = _Papers(uid=papers.uid, password=papers.password, pac=papers.pac)
    write_atomically(file, msgspec.json.encode(kept), mode=0o600)


def _seller(country: Country) -> Seller:
    return Seller(
        tin=Tin("200000000"),
        business_name="Hosted Kiosk Ltd",
        location_name="Kiosk at the Harbour",
        address="1 Harbour Road",
        district=country.pack.city,
        city=country.pack.city,
        country=country.pack.country,
    )
