"""Test cards of the sandbox: virtual cards that its authority has registered, for our E-SDC or for another maker's."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec

from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, parse_uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.processes.context import system_clock
from tallystick.ops.processes.esdc import port_file
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.children import rack_file
from tallystick.simulation.shops import Shop, ShopMaker

NAME_CHARACTERS = 64
_NUMBERS = 1_000_000
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class SandboxError(RuntimeError):
    """The sandbox cannot do what was asked; the message says why, and what helps."""


class CardNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a test card. The PIN stays only for the cards that the sandbox itself hands out."""

    number: int
    tin: str
    name: str
    served: bool
    """Whether our own E-SDC has it in its reader."""
    pin: str | None = None

    @property
    def uid(self) -> str:
        """The card's name."""
        return f"SB{self.number:06d}"


@attrs.frozen(kw_only=True)
class TestCards:
    """The cards of one sandbox: their notes, their making, their registration."""

    __test__ = False

    state: StateFolder
    pack: CountryPack
    pki: DemoPki
    api_url: str

    @property
    def folder(self) -> Path:
        """Notes, PINs and certificates."""
        return self.state.demo / "sandbox"

    def pin_file(self, uid: str) -> Path:
        """The PIN of a card that the sandbox hands out, four digits."""
        return self.folder / f"{uid}.pin"

    def notes(self) -> list[CardNote]:
        """Every card that was finished, in order."""
        files = self.folder.glob("SB*.json")
        found = (msgspec.json.decode(file.read_bytes(), type=CardNote) for file in files)
        return sorted(found, key=lambda note: note.number)

    def make(
        self,
        conn: Connection,
        *,
        tin: str,
        name: str,
        limit: Money,
        served: bool,
        kept: bool,
    ) -> tuple[CardNote, str]:
        """Make and register a card; gives its note and PIN. With `kept` the PIN lies in a file afterwards.

        An interrupted making leaves a folder whose number is not used again. Raises `SandboxError`.
        """
        self._check(tin, name)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        number = self._take_number()
        pin = f"{secrets.randbelow(10_000):04d}"
        note = CardNote(number=number, tin=tin, name=name, served=served, pin=pin if kept else None)
        shop, maker = self._shop(note, pin), self._maker(limit)
        maker.make_card(shop, (generate_rsa_key(), generate_rsa_key()), system_clock())
        maker.register(conn, shop)
        conn.commit()
        if kept:
            write_atomically(self.pin_file(note.uid), pin.encode(), mode=0o600)
        write_atomically(self.folder / f"{note.uid}.json", msgspec.json.encode(note), mode=0o600)
        return note, pin

    def _check(self, tin: str, name: str) -> None:
        if re.fullmatch(self.pack.tin_pattern, tin) is None:
            raise SandboxError(f"a TIN of this country has the form {self.pack.tin_pattern}")
        if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
            raise SandboxError(f"a name has 1 to {NAME_CHARACTERS} printable characters")

    def _take_number(self) -> int:
        """The next number; its folder is ours from now on."""
        for number in range(1, _NUMBERS):
            try:
                self.state.esdc(f"SB{number:06d}").mkdir(mode=0o700, parents=True)
            except FileExistsError:
                continue
            return number
        raise SandboxError("there are too many test cards; FRESH=1 begins anew")

    def _shop(self, note: CardNote, pin: str) -> Shop:
        seller = Seller(
            tin=Tin(note.tin),
            business_name=note.name,
            location_name=f"Test premises {note.number}",
            address="1 Sandbox Street",
            district="North",
            city=self.pack.city,
            country=self.pack.country,
        )
        uid = parse_uid(note.uid)
        return Shop(store_id=note.number, uid=uid, pin=pin, seller=seller, folder=self.state.esdc(note.uid))

    def _maker(self, limit: Money) -> ShopMaker:
        return ShopMaker(
            pack=self.pack,
            pki=self.pki,
            api_url=self.api_url,
            limit=limit,
            plans=self.folder,
            folder_of=self.state.esdc,
        )

    def serve(self, uid: str) -> None:
        """Put a card into the rack of the sandbox's own E-SDCs."""
        with rack_file(self.state.run).open("a", encoding="ascii") as rack:
            rack.write(f"{uid}\n")


Pause = Callable[[], None]


def _sleep() -> None:
    time.sleep(_LOOK_SECONDS)


def await_registration(conn: Connection, uid: str, pause: Pause = _sleep) -> None:
    """Wait until the ledger knows the card, before which nothing of it is taken; raises `SandboxError`."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        entry = registry.secure_element(conn, uid)
        conn.commit()
        if entry is not None and entry.registration_index is not None:
            return
        if time.monotonic() > until:
            raise SandboxError(f"{uid} was not entered into the ledger in time; is the sandbox running?")
        pause()


def await_port(state: StateFolder, uid: str, pause: Pause = _sleep) -> int:
    """Wait until the E-SDC of a card serves, and give its port; raises `SandboxError`."""
    file, until = port_file(state.run, uid), time.monotonic() + _PATIENCE_SECONDS
    while not file.exists():
        if time.monotonic() > until:
            raise SandboxError(f"the E-SDC of {uid} did not start in time")
        pause()
    return int(file.read_text())
