"""The national online channel's door on loopback: real TLS and certificates, views in memory, and what stands behind it
is handed in. Tills sign real documents with keys of their own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import uvloop
from ecr_till import AUDIENCE, TIN, Till, client_tls, papers

from benchmarks.national_till import NationalTill
from tallystick.authority.channels.ecr.api import build_app, refusals
from tallystick.authority.channels.ecr.routes import NO_CALLS, Calls
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.intake.national.values import NationalAnswer, Sender
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.certificates import read_certificate
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.national_orders import DeviceFacts, device_authority, device_order, device_profile
from tallystick.crypto.pki import DEVICES, DemoPki
from tallystick.crypto.signatures import verify_es256
from tallystick.crypto.tls import tls_client_context, tls_server_context
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_genesis, device_link, sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import Seller
from tallystick.kernel.shifts import RegisterState
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

PUBLIC = "http://127.0.0.1:8440"


def certified(
    pki: DemoPki, uid: str, device_class: DeviceClass, at: datetime, tin: str = TIN
) -> tuple[PrivateKey, bytes]:
    """A new key and its certificate, DER."""
    key = generate_p256_key()
    facts = DeviceFacts(
        uid=uid, device_class=device_class, tin=tin, taxpayer="Corner Shop Ltd", premises="1", premises_name="Shop 1"
    )
    order = device_order(facts, key.public, pki.arc, device_profile(device_class, pki.arc))
    return key, pki.authority(device_authority(device_class)).issue(order, at)


@attrs.define
class MemoryView:
    """The registry's view, and its age."""

    clock: Callable[[], datetime]
    devices: dict[str, NationalDevice] = attrs.field(factory=dict)
    certificates: dict[bytes, DeviceCertificate] = attrs.field(factory=dict)
    age: timedelta = timedelta(0)

    @property
    def refreshed_at(self) -> datetime | None:
        return self.clock() - self.age

    def device(self, uid: str) -> NationalDevice | None:
        return self.devices.get(uid)

    def certificate(self, certificate_hash: bytes) -> DeviceCertificate | None:
        return self.certificates.get(certificate_hash)


@attrs.define
class MemoryPipeline:
    """Checks form, signature and place, and keeps what it took; a double for tests of the door alone."""

    view: MemoryView
    taken: list[NationalAnswer] = attrs.field(factory=list)
    heads: dict[str, tuple[int, bytes]] = attrs.field(factory=dict)
    before: Callable[[], Any] = lambda: None

    async def submit(
        self, compact: bytes, *, sender: Sender, received_at: datetime, channel: Channel
    ) -> NationalAnswer:
        self.before()
        signed = read_signed(compact)
        document = read_document(signed.payload)
        header = signed.header
        for known in self.taken:
            if known.signed.act_hash == signed.act_hash:
                return attrs.evolve(known, replayed=True)
        certificate = self.view.certificates.get(header.kid)
        if certificate is None or header.kid != sender.certificate_hash or header.device != sender.uid:
            raise Fault("TS-1313", detail="the signer does not stand at the door")
        verify_es256(certificate.public_key, signed.signing_input, signed.signature)
        if header.audience != AUDIENCE:
            raise Fault("TS-1108", detail="another environment")
        sequence, link = self.heads.get(header.device) or (0, self.view.devices[header.device].genesis)
        if (header.sequence, header.previous) != (sequence + 1, link):
            expected = {"ts-seq": str(sequence + 1), "ts-prev": write_base64url(link).decode()}
            raise Fault("TS-1402", detail=f"the next document is number {sequence + 1}", expected=expected)
        self.heads[header.device] = header.sequence, device_link(link, header.sequence, signed.body_hash)
        answer = NationalAnswer(
            signed=signed, document=document, log_index=len(self.taken) + 7, received_ms=unix_ms(received_at)
        )
        self.taken.append(answer)
        return answer

    async def standing(self, uid: str) -> Any:
        sequence, link = self.heads.get(uid) or (0, self.view.devices[uid].genesis)
        return attrs.make_class("Stands", ["sequence", "link", "state"])(sequence, link, RegisterState())


@attrs.define
class MemoryCheckpoints:
    """The newest head, and what was brought."""

    newest: str = "bmV3ZXN0"
    brought: list[tuple[str, str]] = attrs.field(factory=list)

    def bring(self, value: str, reported_by: str) -> None:
        self.brought.append((value, reported_by))


class NothingWaits:
    """No command for anybody."""

    def highest(self, uid: str) -> int:
        return 0


@attrs.define
class TurnedClock:
    """The machine's clock, which a test may move."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@attrs.define(eq=False)
class Door:
    """The running door with its surroundings."""

    port: int
    pki: DemoPki
    folder: Path
    view: MemoryView
    pipeline: Any
    checkpoints: MemoryCheckpoints
    clock: TurnedClock
    services: EcrServices
    tills: list[Till] = attrs.field(factory=list)

    def till(self, uid: str, device_class: DeviceClass = DeviceClass.SOFTWARE, *, at: datetime | None = None) -> Till:
        """A registered device."""
        key, der = certified(self.pki, uid, device_class, at or self.clock())
        facts = read_certificate(der)
        genesis = device_genesis(f"{uid}-{uid}", sha256(der), bytes(32))
        self.view.devices[uid] = NationalDevice(
            uid=Uid(uid), device_class=device_class, tin=Tin(TIN), premises_id=1, seller=seller(),
            state=DeviceState.ACTIVE, maker="Maker", model="Till", serial_number=uid, registration_index=None,
            genesis=genesis,
        )  # fmt: skip
        self.view.certificates[sha256(der)] = DeviceCertificate(
            certificate_hash=sha256(der), uid=Uid(uid), device_class=device_class, tin=Tin(TIN), certificate=der,
            not_before=facts.not_valid_before_utc, not_after=facts.not_valid_after_utc,
        )  # fmt: skip
        context = client_tls(self.pki, self.folder, key, der)
        return self.keep(Till(papers(uid, key, der, genesis), context, self.port))

    def stranger(self, key: PrivateKey | None = None, der: bytes = b"") -> Till:
        """Somebody without a certificate, or with one that is not registered."""
        context = tls_client_context(self.pki.files.root)
        if key is not None:
            context = client_tls(self.pki, self.folder, key, der)
        return self.keep(Till(NationalTill("STRANGER", TIN, AUDIENCE), context, self.port))

    def keep(self, till: Till) -> Till:
        till.clock = self.clock
        self.tills.append(till)
        return till


def seller() -> Seller:
    return Seller(
        tin=Tin(TIN), business_name="Corner Shop Ltd", location_name="Shop 1", address="x", district="", city="",
        country="AQ",
    )  # fmt: skip


@contextlib.contextmanager
def serving(
    services: EcrServices, pki: DemoPki, limits: HttpLimits | None = None, more: Calls = NO_CALLS
) -> Iterator[int]:
    """Serve in a thread of its own; the port."""
    ready, ports, stop = threading.Event(), [], []

    async def main() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        tls = tls_server_context(pki.files.folder, DEVICES)
        server = Server(
            build_app(services, more), "127.0.0.1", 0, ssl_context=tls, refuse=refusals(services),
            limits=limits or HttpLimits(),
        )  # fmt: skip
        ports.append(await server.start())
        stop.append(lambda: loop.call_soon_threadsafe(stopped.set))
        ready.set()
        await stopped.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: uvloop.run(main()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield ports[0]
    finally:
        stop[0]()
        thread.join(30)
        assert not thread.is_alive()


@contextlib.contextmanager
def open_door(
    pki: DemoPki,
    folder: Path,
    limits: HttpLimits | None = None,
    more: Callable[[EcrServices], Calls] = lambda _: NO_CALLS,
    **changes: Any,
) -> Iterator[Door]:
    """The door with everything behind it in memory; keyword arguments replace services, ``more`` adds calls."""
    clock = TurnedClock()
    view, checkpoints = MemoryView(clock), MemoryCheckpoints()
    pipeline = MemoryPipeline(view)
    told: dict[str, Any] = {
        "pool": None, "intake": pipeline, "devices": view, "rates": Rates(),
        "rules": ChannelRules(), "checkpoints": checkpoints, "receipts": lambda code: b"{}", "clock": clock,
        "connecting": None, "commands": NothingWaits(), "signers": lambda conn, kids: (),
        "trusted": pki.device_trust_store(), "arc": pki.arc, "audience": AUDIENCE, "public_url": PUBLIC,
        "operator": "fdo.example",
    }  # fmt: skip
    services = EcrServices(**(told | changes))
    with serving(services, pki, limits, more(services)) as port:
        door = Door(port, pki, folder, view, services.intake, checkpoints, clock, services)
        try:
            yield door
        finally:
            for till in door.tills:
                till.close()
