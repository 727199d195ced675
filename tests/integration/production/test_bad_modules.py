"""Modules that are no good: each is set aside with its reason, and the next blank takes its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import psycopg
import pytest
from cards import NOW, rsa_key
from production_bench import KeyMaker, ProductionBench, TestBox

from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.making import keys as take_keys
from tallystick.authority.reference.production.values import Batch, Module
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


def row(bench: ProductionBench, batch: Batch, line: int = 1) -> Module:
    """The only module of a line, which nobody set aside."""
    (found,) = [module for module in bench.modules(batch) if module.line == line]
    assert found.spoilt_because is None
    return found


def is_refused(bench: ProductionBench, box: TestBox, batch: Batch, line: int, says: str) -> None:
    """The line is not made with what is in the box, and its row stays as it was."""
    before = row(bench, batch, line) if line in {module.line for module in bench.modules(batch)} else None
    with bench.station() as station, pytest.raises(Fault, match=says) as caught:
        make_line(station, box, batch.batch_id, line)
    assert caught.value.code == "TS-4023"
    after = row(bench, batch, line)
    assert after == (before or after)
    assert before is not None or after.state is State.BLANK
    assert bench.value("SELECT count(*) FROM activity.entry WHERE verb = 'production.spoil'") == 0
    assert bench.value("SELECT count(*) FROM registry.revoked_certificate") == 0


class Gone(Exception):
    """The power is cut."""


def cut_at(instruction: int) -> Callable[[CardPort], CardPort]:
    """A port that dies at the first command of that kind."""

    class Dies:
        def __init__(self, port: CardPort) -> None:
            self._port = port

        def transmit(self, apdu: bytes) -> bytes:
            if apdu[1] == instruction:
                raise Gone
            return self._port.transmit(apdu)

    return Dies


@pytest.mark.parametrize("line", [1, 2])
def test_ts_4023_a_finished_module_in_the_reader_spoils_no_row(
    bench: ProductionBench, tmp_path: Path, line: int
) -> None:
    """Neither one that no row has begun with, nor one whose row is before its own end."""
    batch = bench.open(2, blanks=3)
    box = TestBox(folder=tmp_path)
    with bench.station() as station:
        make_line(station, box, batch.batch_id, 3 - line)
        if line == 1:
            with pytest.raises(Gone):
                make_line(station, attrs.evolve(box, wrap=cut_at(wire.SET_STATUS)), batch.batch_id, line)
    finished, begun = tmp_path / "000001", tmp_path / "000002"
    away = tmp_path / "away"
    if begun.exists():
        begun.rename(away)
    shutil.copytree(finished, begun)
    is_refused(bench, box, batch, line, "it is no blank" if line == 2 else "it bears the number")
    shutil.rmtree(begun)
    if away.exists():
        away.rename(begun)
    with bench.station() as station:
        assert make_line(station, box, batch.batch_id, line).spoilt == 0
    assert row(bench, batch, line).state is State.RECORDED


@pytest.mark.parametrize(
    ("instruction", "state"),
    [(wire.STORE_DATA, State.NUMBERED), (wire.CHANGE_PIN, State.CERTIFIED)],
    ids=["numbered", "certified"],
)
def test_ts_4023_a_fresh_blank_in_the_place_of_a_begun_module_spoils_no_row(
    bench: ProductionBench, box: TestBox, instruction: int, state: State
) -> None:
    batch = bench.open(1, blanks=2)
    with bench.station() as station, pytest.raises(Gone):
        make_line(station, attrs.evolve(box, wrap=cut_at(instruction)), batch.batch_id, 1)
    assert row(bench, batch).state is state
    begun = box.place(1).rename(box.folder / "begun")
    is_refused(bench, box, batch, 1, "it is a fresh blank")
    shutil.rmtree(box.place(1))
    begun.rename(box.place(1))
    with bench.station() as station:
        assert make_line(station, box, batch.batch_id, 1).spoilt == 0
    assert row(bench, batch).state is State.RECORDED


def test_ts_4023_two_begun_modules_that_were_swapped_spoil_no_row(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(2, blanks=3)
    with bench.station() as station:
        for line in (1, 2):
            with pytest.raises(Gone):
                make_line(station, attrs.evolve(box, wrap=cut_at(wire.CHANGE_PIN)), batch.batch_id, line)
    spare = box.place(1).rename(box.folder / "spare")
    box.place(2).rename(box.place(1))
    is_refused(bench, box, batch, 1, "it bears the number")
    box.place(1).rename(box.place(2))
    spare.rename(box.place(1))
    with bench.station() as station:
        assert [make_line(station, box, batch.batch_id, line).spoilt for line in (1, 2)] == [0, 0]


def test_ts_4023_a_half_made_module_with_another_number_spoils_no_row(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(1, blanks=2)
    supply(box.place(1))
    session = FactorySession(VirtualModule.open(box.place(1)))
    assert session.is_open()
    session.install()
    session.store(wire.DataGroup.NUMBER, b"OTHER123")
    is_refused(bench, box, batch, 1, "it bears the number OTHER123")


class Foreign:
    """A card of somebody else's: it knows the name of GlobalPlatform's domain, and nothing of ours."""

    def transmit(self, apdu: bytes) -> bytes:
        answers = {0xA4: "9000", wire.TELL: "66 04 4F 02 A0 00 9000"}
        return bytes.fromhex(answers.get(apdu[1], "6D00"))


@pytest.mark.parametrize("begun", [False, True])
def test_ts_4023_a_card_of_somebody_else_spoils_no_row(bench: ProductionBench, box: TestBox, begun: bool) -> None:
    batch = bench.open(1, blanks=2)
    if begun:
        with bench.station() as station, pytest.raises(Gone):
            make_line(station, attrs.evolve(box, wrap=cut_at(wire.CHANGE_PIN)), batch.batch_id, 1)
    is_refused(bench, attrs.evolve(box, wrap=lambda _: Foreign()), batch, 1, "it does not say")
    with bench.station() as station:
        assert make_line(station, box, batch.batch_id, 1).spoilt == 0
