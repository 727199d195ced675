"""Modules that are no good: each is set aside with its reason, and the next blank takes its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import psycopg
import pytest
from cards import NOW, rsa_key
from production_bench import KeyMaker, ProductionBench, TestBox

from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.making import keys as take_keys
from tallystick.crypto.keys import PublicKey, public_from_modulus
from tallystick.device.applet.blank import VIRTUAL_HARDWARE, supply
from tallystick.device.applet.module import VirtualModule
from tallystick.device.secure_element.factory_session import FactorySession
from tallystick.device.secure_element.port import CardPort, CardUnavailable
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import CardProtocol, Hardware, KeyUse, ModuleAlgorithm
from tallystick.ops.production.run import RunStopped, make_line
from tallystick.wire import module_factory as wire

Change = Callable[[bytes, bytes], bytes]


class Liar:
    """A port that changes what comes back, once for a kind of command, as long as ``times`` says."""

    def __init__(self, port: CardPort, instruction: int, change: Change) -> None:
        self._port, self._instruction, self._change = port, instruction, change

    def transmit(self, apdu: bytes) -> bytes:
        answer = self._port.transmit(apdu)
        return self._change(apdu, answer) if apdu[1] == self._instruction else answer


def flip_last(_: bytes, answer: bytes) -> bytes:
    return answer if len(answer) < 3 else answer[:-3] + bytes((answer[-3] ^ 1,)) + answer[-2:]


def silent(_: bytes, __: bytes) -> bytes:
    return bytes.fromhex("6A81")


def zeros(_: bytes, answer: bytes) -> bytes:
    return bytes(len(answer) - 2) + answer[-2:]


def first_only(instruction: int, change: Change) -> Callable[[CardPort], CardPort]:
    """The first module that comes into the reader lies, those after it do not."""
    seen: list[CardPort] = []

    def wrap(port: CardPort) -> CardPort:
        seen.append(port)
        return Liar(port, instruction, change) if len(seen) == 1 else port

    return wrap


@pytest.mark.parametrize(
    ("instruction", "change", "says"),
    [
        (wire.COMPUTE, flip_last, "TS-3062 aes: a wrong answer"),
        (wire.COMPUTE, silent, "TS-3062 no answer from 3des, aes"),
        (wire.CHALLENGE, zeros, "TS-3062 random"),
        (wire.SIGN, flip_last, "TS-3010 the signing key"),
        (wire.GENERATE, lambda _, answer: answer[:20] + answer[-2:], "TS-3062"),
        (wire.TELL, lambda _, __: bytes.fromhex("6F00"), "TS-3062"),
        (0x07, lambda _, answer: answer[:9] + bytes((answer[9] ^ 1,)) + answer[10:], "TS-3069"),
        (0x14, flip_last, "TS-3069 not what was written: limit"),
    ],
)
def test_s1_048_to_057_a_module_that_fails_is_set_aside_and_the_next_one_is_taken(
    bench: ProductionBench, box: TestBox, instruction: int, change: Change, says: str
) -> None:
    batch = bench.open(1, blanks=2)
    lying = attrs.evolve(box, wrap=first_only(instruction, change))
    with bench.station() as station:
        made = make_line(station, lying, batch.batch_id, 1)
    modules = bench.modules(batch)
    assert made.because.startswith(says.split(":", maxsplit=1)[0])
    assert [module.state for module in modules] == [State.SPOILT, State.RECORDED]
    assert str(modules[0].spoilt_because).startswith(says)
    assert modules[1].slot == 2
    assert bench.value("SELECT count(*) FROM activity.entry WHERE verb = 'production.spoil'") == 1
    revoked = bench.value("SELECT count(*) FROM registry.revoked_certificate")
    assert revoked == (2 if modules[0].certificate else 0), "certificates of a spoilt module are revoked"


@pytest.mark.parametrize(
    ("hardware", "lacks"),
    [
        (attrs.evolve(VIRTUAL_HARDWARE, controller="Some other chip"), "controller"),
        (attrs.evolve(VIRTUAL_HARDWARE, protocols=frozenset({CardProtocol.T1})), "protocol T=0"),
        (
            attrs.evolve(VIRTUAL_HARDWARE, algorithms=VIRTUAL_HARDWARE.algorithms - {ModuleAlgorithm.GOST_28147_89}),
            "algorithm gost-28147-89",
        ),
    ],
)
def test_s1_048_a_module_that_does_not_fit_the_profile_is_refused(
    bench: ProductionBench, box: TestBox, hardware: Hardware, lacks: str
) -> None:
    batch = bench.open(1, blanks=9)
    with bench.station() as station, pytest.raises(RunStopped, match="3 blanks spoilt one after the other"):
        make_line(station, attrs.evolve(box, hardware=hardware), batch.batch_id, 1)
    modules = bench.modules(batch)
    assert len(modules) == 3, "the run stops: that is no chance any more"
    assert all(lacks in str(module.spoilt_because) for module in modules)


def test_ts_3004_a_key_that_came_out_of_a_module_before_is_refused(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(2, blanks=3)
    keys = KeyMaker()
    with bench.station() as station:
        make_line(station, attrs.evolve(box, make_key=keys), batch.batch_id, 1)
        keys.next_number -= 1
        assert make_line(station, attrs.evolve(box, make_key=keys), batch.batch_id, 2).spoilt == 1
    (spoilt,) = bench.modules(batch, State.SPOILT)
    assert str(spoilt.spoilt_because).startswith("TS-3004")


def test_ts_3004_one_key_for_both_uses_is_refused(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(1, blanks=2)
    same = iter((0, 0, 1, 2))
    with bench.station() as station:
        made = make_line(
            station, attrs.evolve(box, make_key=lambda: rsa_key(100 + next(same))), batch.batch_id, 1
        )  # fmt: skip
    assert (made.spoilt, made.because[:7]) == (1, "TS-3004")


@pytest.mark.parametrize("weak", ["small factor", "roca"])
def test_ts_3003_a_weak_key_is_refused(bench: ProductionBench, weak: str) -> None:
    batch = bench.open()
    modulus = pow(65_537, 3, _product()) if weak == "roca" else 3 * (1 << 2046) + 3
    if weak == "roca":
        modulus += _product() * (1 << 1950)
        modulus |= 1
    key = _key(modulus | 1 << 2047)
    good = rsa_key(101).public
    with bench.station() as station:
        module = station.take(batch.batch_id, 1)
        with psycopg.connect(bench.dsn) as conn:
            for state in ("installed", "numbered"):
                conn.execute("UPDATE production.module SET state = %s, number = 'AAAA1111'", [state])
        with pytest.raises(Fault) as caught:
            take_keys(
                station.conn,
                attrs.evolve(module, state=State.NUMBERED),
                {KeyUse.SIGNING: key, KeyUse.CLIENT: good},
                NOW,
            )
    assert caught.value.code == "TS-3003"


def _product() -> int:
    result = 1
    for prime in range(3, 168, 2):
        if all(prime % divisor for divisor in range(3, prime, 2)):
            result *= prime
    return result


def _key(modulus: int) -> PublicKey:
    return public_from_modulus(modulus)


def test_a_reader_that_fails_spoils_nothing(bench: ProductionBench, box: TestBox) -> None:
    class Gone:
        def transmit(self, apdu: bytes) -> bytes:
            raise CardUnavailable("the reader is gone")

    batch = bench.open()
    with bench.station() as station, pytest.raises(CardUnavailable):
        make_line(station, attrs.evolve(box, wrap=lambda _: Gone()), batch.batch_id, 1)
    (module,) = bench.modules(batch)
    assert module.state is State.BLANK


def test_ts_3069_another_module_in_the_reader_is_noticed(bench: ProductionBench, tmp_path: Path) -> None:
    batch = bench.open(2, blanks=3)
    box = TestBox(folder=tmp_path)
    with bench.station() as station:
        make_line(station, box, batch.batch_id, 1)
        (tmp_path / "000001").rename(tmp_path / "000002")
        made = make_line(station, box, batch.batch_id, 2)
    assert (made.spoilt, made.because[:7]) == (1, "TS-3069")


def test_ts_3069_a_half_made_module_with_another_number_is_noticed(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(1, blanks=2)
    supply(box.place(1))
    session = FactorySession(VirtualModule.open(box.place(1)))
    assert session.is_open()
    session.install()
    session.store(wire.DataGroup.NUMBER, b"OTHER123")
    with bench.station() as station:
        made = make_line(station, box, batch.batch_id, 1)
    assert made.because == "TS-3069 what is in the reader bears the number OTHER123"
