"""E-SDC processes: one device at a shop, or a rack of several that shops join while it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import cache
from pathlib import Path

import attrs

from tallystick.device.applet.card import VirtualCard
from tallystick.device.esdc.accreditation import Accreditation, read_key_hashes
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.esdc import EsdcSlot, Face
from tallystick.device.esdc.service import EsdcHost, esdc_host
from tallystick.device.esdc.settings import DEMO_TIMING, PRODUCTION_TIMING, EsdcSettings, TimeSync
from tallystick.device.secure_element.pcsc import PcscReader
from tallystick.device.secure_element.token_client import BesideCard, OnToken, TokenClient, TokenIdentity
from tallystick.kernel.country_pack import CountryPack, PackageRetention
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.build_files import own_build
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.virtual_slot import LinkSlot

RACK_FILE = "rack"
_LOOK_SECONDS = 0.2
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others want it. The default of 5 ms makes twenty cards in one
process wait for each other after every call that gives the interpreter back (a signature, a flush)."""


@attrs.frozen(slots=True, kw_only=True)
class Place:
    """Where the card of one E-SDC is, as a person says it; see `tallystick esdc run`."""

    card: Path | None = None
    slot: Path | None = None
    reader: str | None = None
    stores: Path | None = None
    name: str = ""


def run(place: Place, authority_ca: Path | None, host: str, port: int, *, face: bool = True) -> None:
    """Serve one card: of a reader, or a virtual one. Without the authority's root certificate it only sells.

    The ports of the POS API and of the page stand in the run folder as ``esdc.port`` and ``esdc-face.port``.

    Raises `SettingsError` when no card is named, `CardUnavailable` when a virtual one cannot be powered on or card
    readers cannot be used here.
    """
    context = Context.load("esdc")
    context.state.make()
    slot = _slot_of(context, place, port, host=host, authority_ca=authority_ca)
    media = tuple(filter(None, context.settings.media.split(os.pathsep)))
    slot = attrs.evolve(slot, media=media)
    if face:
        slot = attrs.evolve(slot, face=_face(context))
    run_until_stopped(context, lambda stopped: _serve(context, [slot], stopped))


def _slot_of(context: Context, place: Place, port: int, *, host: str, authority_ca: Path | None) -> EsdcSlot:
    settings = context.settings
    if place.slot is not None:
        return _virtual_slot(context, place, place.slot, port, host=host, authority_ca=authority_ca)
    reader = settings.card_reader if place.reader is None else place.reader
    token_client = _token_client(settings, place.card)
    if not reader:
        if place.card is None:
            raise SettingsError("card_reader: name a reader, or a virtual card with --card or --slot")
        slot = _slot(context, place.card, port, host=host, authority_ca=authority_ca)
        return attrs.evolve(slot, token_client=token_client)
    if authority_ca is not None and token_client is None:
        raise SettingsError("pkcs11_uri: the authority asks for the card's client certificate, say where it lies")
    return EsdcSlot(
        name=place.name[:32],
        reader=PcscReader(reader),
        stores=place.stores or context.state.demo / "esdc",
        settings=_settings(context, place.name[:32]),
        host=host,
        port=port,
        token_client=token_client,
        authority_ca=authority_ca,
        build_id=_build_id(context),
    )


def _virtual_slot(
    context: Context, place: Place, link: Path, port: int, *, host: str, authority_ca: Path | None
) -> EsdcSlot:
    return EsdcSlot(
        name=place.name[:32],
        reader=LinkSlot(link),
        stores=place.stores or context.state.demo / "esdc",
        settings=_settings(context, place.name[:32]),
        host=host,
        port=port,
        token_client=BesideCard(link),
        authority_ca=authority_ca,
    )


def _token_client(settings: Settings, card: Path | None) -> TokenClient | None:
    """The key on a token if one is set, else the files beside a virtual card, else none."""
    if settings.pkcs11_uri:
        identity = TokenIdentity(
            module=Path(settings.pkcs11_module),
            uri=settings.pkcs11_uri,
            pin_file=Path(settings.pkcs11_pin_file),
            highest_tls=settings.pkcs11_tls,
        )
        return OnToken(identity)
    return None if card is None else BesideCard(card)


def run_rack() -> None:
    """Serve every card that the run folder's list names; lines are UIDs, and more may be added at any time."""
    context = Context.load("esdc-rack")
    sys.setswitchinterval(SWITCH_SECONDS)
    run_until_stopped(context, lambda stopped: _serve(context, [], stopped, follow=True))


def port_file(context_run: Path, uid: str) -> Path:
    """Where the port of a rack's slot is announced."""
    return context_run / f"esdc-{uid}.port"


async def _serve(context: Context, slots: list[EsdcSlot], stopped: asyncio.Event, *, follow: bool = False) -> None:
    async with esdc_host(clock=system_clock) as host:
        for slot in slots:
            running = await host.add(slot)
            print(f"E-SDC {slot.name} serves POS on http://{slot.host}:{running.port}", flush=True)
            if slot.face is not None and running.face_port is not None:
                print(f"its page for people is http://{slot.face.host}:{running.face_port}/", flush=True)
                _announce(context, f"{context.name}-face", running.face_port)
            _announce(context, context.name, running.port)
        context.serving.set()
        waiting: set[asyncio.Task[object]] = {
            asyncio.create_task(stopped.wait()),
            asyncio.create_task(host.broken.wait()),
        }
        if follow:
            waiting.add(asyncio.create_task(_follow(context, host)))
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        for task in done:
            task.result()
        broken = host.broken.is_set()
    if broken:
        sys.exit(1)


def _announce(context: Context, name: str, port: int) -> None:
    write_atomically(context.state.run / f"{name}.port", str(port).encode(), durable=False)


async def _follow(context: Context, host: EsdcHost) -> None:
    """Add the slots of the list as it grows; each announces its port."""
    listed = context.state.run / RACK_FILE
    port = context.settings.pos_port
    while True:
        text = await asyncio.to_thread(listed.read_text) if listed.exists() else ""
        for uid in text.split():
            if uid in host.running:
                continue
            first = not host.running  # one page for people is enough to look at
            slot = _slot(context, context.state.esdc(uid), port, authority_ca=context.pki.files.root)
            if first:
                slot = attrs.evolve(slot, face=_face(context))
            running = await host.add(slot)
            port = running.port + 1
            write_atomically(port_file(context.state.run, uid), str(running.port).encode(), durable=False)
        await asyncio.sleep(_LOOK_SECONDS)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def accreditation_of(settings: Settings, pack: CountryPack) -> Accreditation:
    """Which POS may sell here (S2-146); raises ``SettingsError`` for a key file that cannot be read."""
    required = pack.accreditation_required if settings.pos_accreditation == "pack" else False
    try:
        keys = (
            read_key_hashes(Path(settings.pos_keys).read_text(encoding="utf-8")) if settings.pos_keys else frozenset()
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"pos_keys: {settings.pos_keys}: {error}") from error
    return Accreditation(
        required=required or settings.pos_accreditation == "required",
        numbers=frozenset(_names(settings.pos_accredited)),
        key_hashes=keys,
    )


def _slot(context: Context, card: Path, port: int, *, authority_ca: Path | None, host: str = "127.0.0.1") -> EsdcSlot:
    return EsdcSlot(
        name=card.name,
        reader=VirtualReader(VirtualCard.open(card)),
        stores=card.parent,
        settings=_settings(context, card.name[:32]),
        host=host,
        port=port,
        token_client=BesideCard(card),
        authority_ca=authority_ca,
        button_folder=card,
        build_id=_build_id(context),
    )


def _build_id(context: Context) -> str:
    """The build that is proved, after every file was compared once; raises ``SettingsError``."""
    return _own_build_id(context.settings.build_manifest)


@cache
def _own_build_id(file: str) -> str:
    signed = own_build(file)
    return "" if signed is None else signed.build_id


def _face(context: Context) -> Face:
    settings = context.settings
    return Face(host=settings.face_host, port=settings.face_port, languages=context.pack.languages)


def _settings(context: Context, serial_number: str) -> EsdcSettings:
    pack, settings = context.pack, context.settings
    return EsdcSettings(
        serial_number=serial_number,
        mrc=f"01-0001-{serial_number}",
        time_zone=pack.time_zone,
        currency=pack.currency,
        reference_time_required=pack.reference_time_required,
        keep_until_proof=pack.package_retention is PackageRetention.PROOF_OF_AUDIT,
        accreditation=accreditation_of(context.settings, pack),
        older_dialect=settings.pos_older_dialect,
        web_origins=_names(settings.pos_origins),
        host_names=_names(settings.pos_hosts),
        # Where the demonstration names no time server, it tells its devices a host on which none listens.
        time_sync=None if settings.timing == "demo" and not settings.ntp_server else TimeSync(),
        timing=DEMO_TIMING if settings.timing == "demo" else PRODUCTION_TIMING,
    )
