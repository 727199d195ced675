"""Remote control of a register for tests: an authority that signs commands, and takes answers."""

from __future__ import annotations

from datetime import timedelta

import attrs
from cards import country
from till_authority import KEY, UID
from till_bench import START, Bench, sale, sign

from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.national_orders import unit_order
from tallystick.crypto.profiles import device_commands
from tallystick.crypto.signatures import sign_es256, verify_es256
from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, Refused
from tallystick.device.ecr.remote.believing import Believer
from tallystick.device.ecr.remote.control import RemoteControl
from tallystick.kernel.device_commands import (
    CommandResult,
    DeviceCommand,
    Wanted,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.device_command import read_result, signed_command, unsigned_command

ARC = NationalArc()
PKI = country().pki
UNIT: PrivateKey = generate_p256_key()
ORIGIN = "small.example/log"


def certified(profile: object = None) -> bytes:
    order = unit_order("Operator", "AQ", "device commands", UNIT.public, profile or device_commands(ARC))  # type: ignore[arg-type]
    return PKI.authority("service-ca").issue(order, START)


SIGNER, ABOVE = certified(), PKI.authority_certificate("service-ca")


def command(number: int, wanted: Wanted, *, signer: bytes = SIGNER, **changes: object) -> bytes:
    made = DeviceCommand(
        audience=ORIGIN, device=UID, number=number, issued_ms=unix_ms(START),
        expires_ms=unix_ms(START + timedelta(days=1)), wanted=wanted,
    )  # fmt: skip
    unsigned = unsigned_command(attrs.evolve(made, **changes), sha256(signer))  # type: ignore[arg-type]
    return signed_command(unsigned, sign_es256(UNIT, unsigned))


@attrs.define
class Desk:
    """The authority's side: commands that wait, answers that came; it can be away, or lose its answers."""

    bench: Bench
    waiting: dict[int, bytes] = attrs.field(factory=dict)
    certificates: list[bytes] = attrs.field(factory=lambda: [SIGNER, ABOVE])
    results: list[CommandResult] = attrs.field(factory=list)
    asked: int = 0
    away: bool = False
    refuses: str = ""
    lost_answers: int = 0
    later: int = 0
    contradicts: bool = False
    sent: list[bytes] = attrs.field(factory=list)

    @property
    def commands_wait(self) -> int:
        return max(self.waiting, default=0)

    def commands(self) -> tuple[list[bytes], list[bytes]]:
        self._here()
        self.asked += 1
        if self.refuses:
            raise Refused(Fault(self.refuses))
        return [self.waiting[number] for number in sorted(self.waiting)], self.certificates

    def tell(self, number: int, result: bytes) -> None:
        self._here()
        read = read_result(result)
        verify_es256(KEY.public, read.signing_input, read.signature)
        self._not_later()
        assert read.result.command_hash == sha256(self.waiting.get(number, b"")) or number not in self.waiting
        self.results.append(read.result)
        if self.lost_answers:
            self.lost_answers -= 1
            raise NoAnswer("the answer is lost")
        self.waiting.pop(number, None)

    def send(self, compact: bytes) -> object:
        self._here()
        self._not_later()
        if self.contradicts:
            raise Disagrees("the authority answered for another document")
        self.sent.append(compact)
        return self.bench.authority.send(compact)

    def _here(self) -> None:
        if self.away:
            raise NotSent("nobody there")

    def _not_later(self) -> None:
        if self.later:
            self.later -= 1
            raise Refused(Fault("TS-1006", retry_after_seconds=1))

    def control(self) -> RemoteControl:
        """A register that was started just now."""
        roots = TrustStore.from_pem(PKI.files.root.read_bytes())
        believer = Believer(roots, ARC, UID, ORIGIN)
        return RemoteControl(self.bench.register, self.bench.commands, self, believer, sign, lambda: bytes(32))

    def order(self, number: int, wanted: Wanted, **changes: object) -> CommandResult:
        """Give a command, and the answer."""
        self.waiting[number] = command(number, wanted, **changes)  # type: ignore[arg-type]
        self.control().round()
        return self.results[-1]


def code(desk: Desk, name: str, price: str = "12.50") -> str:
    try:
        desk.bench.do(name, sale(price))
    except Fault as fault:
        return fault.code
    return ""
