"""Virtual cards by themselves: personalise one for a sandbox, and serve one to every program of PC/SC."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import attrs

from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.device.applet.blank import BLANK_FILE, VIRTUAL_HARDWARE, supply
from tallystick.device.applet.card import VirtualCard
from tallystick.device.applet.contacts import Transmission
from tallystick.device.applet.factory import personalise
from tallystick.device.applet.module import VirtualModule
from tallystick.device.applet.vpcd import CardServer
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import FormFactor
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import parse_tin, parse_uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.packs import load_pack
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock
from tallystick.ops.settings import SettingsError, load_settings


@attrs.frozen(slots=True, kw_only=True)
class CardOrder:
    """What a person asks the factory for, as text; see `tallystick card make`."""

    uid: str
    tin: str
    limit: str
    profile: str
    categories: int
    api_url: str
    invoices_signed: int = 0

    @property
    def version(self) -> tuple[int, int, int]:
        """The applet's version; raises `ValueError`."""
        major, minor, patch = map(int, self.profile.split("."))
        return major, minor, patch


def make(folder: Path, pki_folder: Path, pin: str, order: CardOrder) -> None:
    """Personalise a card of a sandbox country, whose authorities are made at the first card.

    Raises `SettingsError` with the reason when the order cannot be fulfilled.
    """
    pack, at = load_pack(load_settings().country), system_clock()
    try:
        if pki_folder.exists():
            pki = DemoPki.load(pki_folder, environment=pack.environment)
        else:
            pki = DemoPki.create(
                pki_folder, environment=pack.environment, organization="Sandbox", country=pack.country, at=at
            )
        subject = CardSubject(parse_uid(order.uid), _seller(order.tin, pack.country), order.api_url)
        personalise(
            folder,
            uid=order.uid,
            pin=pin,
            limit=Money.of(order.limit),
            max_category_order_id=order.categories,
            sign_certificate_for=lambda spki: pki.issue_secure_element(subject, spki, at=at),
            pki_certificate_for=lambda spki: pki.issue_pki_client(subject, spki, at=at),
            tax_core_public_key=pki.public_key("package"),
            poa_public_key=pki.public_key("poa"),
            version=order.version,
            invoices_signed=order.invoices_signed,
        )
    except (Fault, OSError, ValueError) as error:
        raise SettingsError(f"no card was made: {error}") from error


def make_blank(folder: Path, form: str) -> None:
    """Put a factory-fresh module into a folder; raises `SettingsError`."""
    try:
        supply(folder, attrs.evolve(VIRTUAL_HARDWARE, form_factor=FormFactor(form)))
    except (OSError, ValueError) as error:
        raise SettingsError(f"no blank was made: {error}") from error


def _seller(tin: str, country: str) -> Seller:
    return Seller(
        tin=parse_tin(tin),
        business_name="Sandbox Ltd",
        location_name="Sandbox Store",
        address="1 Sand Street",
        district="Sandbox",
        city="Sandbox",
        country=country,
    )


def serve(folder: Path, vpcd: str, protocol: str) -> None:
    """Keep a card in the reader until SIGTERM or SIGINT; raises `SettingsError` and `CardUnavailable`."""
    address = _address(vpcd)
    try:
        transmission = Transmission(protocol)
    except ValueError:
        raise SettingsError("the protocol is 0 for T=0 or 1 for T=1") from None
    context = Context.load("card")
    context.state.make()
    said = f"card {folder.name} is in the reader at {vpcd} (T={protocol})"
    open_card = partial(VirtualModule.open if (folder / BLANK_FILE).exists() else VirtualCard.open, folder)
    server = CardServer(open_card, address, transmission, on_inserted=lambda: print(said, flush=True))
    run_until_stopped(context, lambda stopped: _run(context, server, stopped))


async def _run(context: Context, server: CardServer, stopped: asyncio.Event) -> None:
    serving = asyncio.create_task(asyncio.to_thread(server.run))
    context.serving.set()
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    server.stop()
    await serving


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        if host and 0 < int(port) < 65536:
            return host, int(port)
    except ValueError:
        pass
    raise SettingsError(f"{text}: an address is HOST:PORT")
