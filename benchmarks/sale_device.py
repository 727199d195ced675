"""The device of the sale benchmark: an E-SDC with a virtual card in its own process, configured, without authority.

``python -m benchmarks.sale_device FOLDER`` prints the port of its POS API and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import uvloop

from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.device.applet import VirtualCard, personalise
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.esdc import EsdcSlot
from tallystick.device.esdc.service import esdc_host, system_clock
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.packs import load_pack
from tallystick.wire.configuration import Configuration, environment_parameters
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.tax_rates import tax_rate_groups_json
from tallystick.wire.taxcore_api import Command, CommandType

UID = "BENCH001"
PIN = "2017"
PREFIX = "https://fdo.example/v/?vl="


def commands(pack: CountryPack) -> list[Command]:
    """The initialization set of a country."""
    configuration = Configuration(
        organization_name=pack.organization_name,
        server_time_zone=pack.server_time_zone,
        street=pack.street,
        city=pack.city,
        country=pack.country,
        endpoints={"root": PREFIX},
        environment_name="BENCH",
        logo="",
        ntp_server="",
        supported_languages=pack.languages,
    )
    environment = encode_json(environment_parameters(configuration)).decode()
    rates = encode_json(tax_rate_groups_json(pack.tax_groups)).decode()
    return [
        Command("BENCH-0", CommandType.SET_TAX_RATES, rates, UID),
        Command("BENCH-2", CommandType.SET_VERIFICATION_URL, PREFIX, UID),
        Command("BENCH-7", CommandType.SET_TAX_CORE_CONFIGURATION, environment, UID),
    ]


def make_card(folder: Path, pack: CountryPack) -> VirtualCard:
    """A PKI, and a card of it whose limit no benchmark reaches."""
    at = system_clock() - timedelta(hours=1)
    pki = DemoPki.create(folder / "pki", environment=pack.environment, organization="Bench", country="AQ", at=at)
    seller = Seller(
        tin=Tin("123456789"),
        business_name="Sample Ltd",
        location_name="Sample Store",
        address="1 Sample Street",
        district="Sample",
        country="AQ",
    )
    subject = CardSubject(Uid(UID), seller, "https://localhost:8443/")
    personalise(
        folder / UID,
        uid=UID,
        pin=PIN,
        limit=Money.of(10**11),
        max_category_order_id=pack.max_category_order_id,
        sign_certificate_for=lambda spki: pki.issue_secure_element(subject, spki, at=at),
        pki_certificate_for=lambda spki: pki.issue_pki_client(subject, spki, at=at),
        tax_core_public_key=pki.public_key("package"),
        poa_public_key=pki.public_key("poa"),
    )
    return VirtualCard.open(folder / UID)


async def serve(folder: Path) -> None:
    """Serve until standard input ends."""
    pack = load_pack("AQ")
    slot = EsdcSlot(
        name=UID,
        reader=VirtualReader(make_card(folder, pack)),
        stores=folder,
        port=0,
        settings=EsdcSettings(time_sync=None),
    )
    async with esdc_host([slot]) as host:
        running = host.running[UID]
        await running.esdc.work(lambda: running.esdc.device.obey_all(commands(pack)))
        print(running.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
