"""The online door over a real database, with people who give commands to its registers (S0-030)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

import attrs
from cards import Country
from described import Described
from ecr_bench import Door, open_door
from ecr_till import AUDIENCE, TIN, Till
from psycopg_pool import ConnectionPool
from remote_bench import HOLD, Answering, Control, command_unit, people

from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.authority.reference.remote.waiting import WaitingCommands
from tallystick.authority.room_queries import Connection
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.ops.command_signing import signers
from tallystick.ops.pki_registry import enter_hierarchy, pki_services
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.ecr_api import COMMANDS_PATH
from tallystick.wire.openapi_ecr import ecr_api

_NUMBERS = count(1)


@attrs.frozen
class Shop:
    """The door, who gives commands, and the view that the door looks at."""

    door: Door
    control: Control
    view: WaitingCommands
    described: Described

    def till(self, tin: str = TIN) -> tuple[Till, Answering]:
        """A register of the database and of the door."""
        uid, conn = f"CMDS{next(_NUMBERS):04d}", self.control.conn
        registry.register_taxpayer(conn, Taxpayer(Tin(tin), "Corner Shop Ltd"))
        place = registry.register_premises(conn, Premises(tin=Tin(tin), code="1", name="Shop 1", address="Street 1"))
        device = FiscalDevice(
            uid=Uid(uid), device_class=1, tin=Tin(tin), premises_id=place, maker="Maker", model="Till",
            serial_number=uid,
        )  # fmt: skip
        registry.register_fiscal_device(conn, device)
        conn.commit()
        till = self.door.till(uid)
        self.door.view.devices[uid] = attrs.evolve(self.door.view.devices[uid], tin=Tin(tin))
        return till, Answering(uid, till.papers.device.key, till.papers.certificate, AUDIENCE)

    def signed(self) -> None:
        """The PKI's process and the follower have had their moment."""
        self.control.sign(datetime.now(UTC))
        self.control.conn.commit()
        self.view.refresh(self.control.conn)

    def give(self, uid: str, wanted: object = HOLD) -> int:
        given = self.control.give(uid, wanted, at=datetime.now(UTC))  # type: ignore[arg-type]
        self.signed()
        return given.number

    def ask(self, till: Till, path: str) -> tuple[int, dict[str, str], bytes]:
        reply = till.ask("GET", path)
        self.described.check("GET", path.partition("?")[0], reply.status, reply.headers["content-type"], reply.body)
        return reply.status, reply.headers, reply.body

    def commands(self, till: Till) -> list[bytes]:
        return [one.encode() for one in json.loads(self.ask(till, COMMANDS_PATH)[2])["commands"]]

    def answer(self, till: Till, number: int, body: bytes, **headers: str) -> tuple[int, str]:
        path = f"{COMMANDS_PATH}/{number}/result"
        reply = till.post(body, path, **headers)
        self.described.check("POST", path, reply.status, reply.headers["content-type"], reply.body)
        return reply.status, reply.code


@contextmanager
def opened(pki: DemoPki, home: Country, conn: Connection) -> Iterator[Shop]:
    now = datetime.now(UTC)
    enter_hierarchy(conn, pki, now)
    people(conn)
    control = Control(conn, command_unit(conn, pki_services(pki), now), AUDIENCE)
    view = WaitingCommands(lambda: datetime.now(UTC))
    with (
        ConnectionPool(as_role(conn.info.dsn, INTAKE), min_size=1, max_size=3, open=True) as pool,
        open_door(pki, home.folder, pool=pool, commands=view, signers=signers) as door,
    ):
        yield Shop(door, control, view, Described(ecr_api()))
