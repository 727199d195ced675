"""E-SDCs over real HTTP and TLS on free ports of the loopback, with a small authority behind them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from esdc_authority import SmallAuthority
from esdc_bench import PIN, UID, live_country, make_card

from tallystick.crypto.tls import tls_server_context
from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.esdc import EsdcSlot
from tallystick.device.esdc.service import EsdcHost, RunningSlot
from tallystick.device.esdc.settings import DEMO_TIMING, EsdcSettings
from tallystick.device.secure_element import BesideCard
from tallystick.kernel.fixed_point import Money
from tallystick.kit.http_server import Server

FAST = attrs.evolve(
    DEMO_TIMING,
    start_interval_most=timedelta(milliseconds=300),
    start_interval=timedelta(milliseconds=300),
    near_limit_interval=timedelta(milliseconds=100),
    start_floor=timedelta(milliseconds=100),
    heartbeat=timedelta(milliseconds=100),
    heartbeat_pending=timedelta(milliseconds=20),
    resubmit_interval=timedelta(milliseconds=100),
    proof_patience=timedelta(seconds=2),
    retry_first=timedelta(milliseconds=20),
    retry_most=timedelta(milliseconds=50),
)
SETTINGS = EsdcSettings(timing=FAST, mrc="99-0100-" + UID, time_sync=None)


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@attrs.frozen(slots=True)
class Reply:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


async def http(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        fields = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        answer = await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in others)
    return Reply(int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}, rest)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Scene:
    """An authority that can go away and come back, and E-SDCs that know it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = live_country()
        self.authorities: dict[str, SmallAuthority] = {}
        self.cards: dict[str, VirtualCard] = {}
        self.host = EsdcHost()
        self._servers: dict[str, Server] = {}
        self._ports: dict[str, int] = {}

    async def authority(self, uid: str = UID) -> SmallAuthority:
        """Start the authority of a card; it keeps its port when it is started again."""
        made = self.authorities.setdefault(uid, SmallAuthority(now, uid=uid, home=self.home))
        context = tls_server_context(self.home.pki.files.folder)
        server = Server(made.app(), "127.0.0.1", self._ports.get(uid, 0), ssl_context=context)
        self._ports[uid] = await server.start()
        self._servers[uid] = server
        return made

    async def authority_leaves(self, uid: str = UID) -> None:
        """The authority cannot be reached any more."""
        await self._servers.pop(uid).stop()

    def slot(self, uid: str = UID, *, settings: EsdcSettings = SETTINGS, **card: Any) -> EsdcSlot:
        """A slot with a new card in it."""
        folder = self.folder / uid
        if uid not in self.cards:
            url = f"https://127.0.0.1:{self._ports.get(uid, 1)}/"
            at = now() - timedelta(hours=1)
            self.cards[uid] = make_card(folder, uid=uid, at=at, api_url=url, home=self.home, **card)
        return EsdcSlot(
            name=uid,
            reader=VirtualReader(self.cards[uid]),
            stores=self.folder,
            settings=settings,
            port=0,
            token_client=BesideCard(folder),
            authority_ca=self.home.pki.files.root,
        )

    async def start(self, uid: str = UID, *, settings: EsdcSettings = SETTINGS, **card: Any) -> RunningSlot:
        """A running, configured and unlocked E-SDC."""
        running = await self.host.add(self.slot(uid, settings=settings, **card))
        device = running.esdc.device
        await until(lambda: device.session is not None and device.session.setup is not None)
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"
        return running

    async def close(self) -> None:
        """Stop everything."""
        await self.host.stop()
        for server in self._servers.values():
            await server.stop()
        for card in self.cards.values():
            card.power_off()


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """A scene that is closed at its end."""
    made = Scene(folder)
    try:
        yield made
    finally:
        await made.close()


def play(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> None:
    """Run one act in a loop of its own."""

    async def main() -> None:
        async with scene(folder) as made:
            await act(made)

    asyncio.run(main())


LOW_LIMIT = Money.of(500)
