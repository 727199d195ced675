"""Order, gates, budget, uniform answers and single flight of the pipeline."""

from __future__ import annotations

import asyncio
import statistics
from datetime import timedelta

import attrs
import msgspec
import pytest
from intake_bench import Bench, make_bench

from benchmarks.package_maker import NOW, Card, basket, sale, seal
from tallystick.authority.intake import pipeline
from tallystick.authority.intake.check_list import ChannelChecks, Check, in_order
from tallystick.authority.intake.checks import CHECKS, KEPT_CHECKS, PROOF_CHECKS
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.intake.steps import STEPS, Step, steps_of
from tallystick.authority.intake.verdicts import WIRE_ORDER, AuditStatus, Outcome, outcome_of, status_of
from tallystick.authority.ledger.entry import Channel, EntryKind
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.wire.audit_package import SealedPackage, read_sealed, write_sealed


def run(bench: Bench, body: bytes, sender: Card | None = None) -> PackageAnswer:
    """Submit once."""
    return asyncio.run(bench.submit(body, sender=sender))


def test_fifteen_steps_numbered_in_order() -> None:
    assert [int(row.step) for row in STEPS] == list(range(1, 16))
    for channel in Channel:
        applied = steps_of(channel)
        assert list(applied) == sorted(applied)
        if channel is not Channel.NONE:
            assert {1, 2, 3, 4, 5, 6, 7, 14, 15} <= set(applied)


def test_checks_of_the_package_channel_stand_in_the_order_of_their_steps() -> None:
    numbers = [check.step for check in (*PROOF_CHECKS, *KEPT_CHECKS)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(steps_of(Channel.ESDC)) - {1, 2, 3, 4, 5, 14, 15}
    assert len({check.name for check in (*PROOF_CHECKS, *KEPT_CHECKS)}) == len(numbers)
    with pytest.raises(ValueError, match="out of order"):
        in_order(Channel.ESDC, *reversed(KEPT_CHECKS))
    with pytest.raises(ValueError, match="does not apply"):
        in_order(Channel.ESDC, Check(Step.OUTSIDE_CHECKS, KEPT_CHECKS[0].function))


def test_the_order_of_the_wire_is_the_published_one() -> None:
    assert [int(status) for status in WIRE_ORDER] == [
        0, 8, 2, 6, 72, 78, 24, 71, 3, 5, 69, 70, 67, 73, 75, 68, 74, 76, 4,
    ]  # fmt: skip
    assert set(WIRE_ORDER) | {AuditStatus.NOT_STORED} == set(AuditStatus)


def test_every_status_of_the_catalogue_is_one_of_the_wire() -> None:
    for kind in CATALOGUE.values():
        for number in (kind.audit_status, *kind.other_audit_statuses):
            assert number is None or number in set(AuditStatus)


def test_a_code_that_this_channel_does_not_know_is_our_doubt() -> None:
    for code in ("TS-9999", "TS-4001", "TS-1302"):
        assert status_of(Fault(code)) is AuditStatus.NOT_STORED
        assert outcome_of(Fault(code)) is Outcome.DOUBT
    assert all(outcome_of(Fault(code)) is Outcome.RAISED for code in CATALOGUE if code.startswith("TS-50"))


def test_gates_come_before_anything_is_opened(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    bench = make_bench(rsa_keys, pack)
    bench.intake.stopped = True
    with pytest.raises(Fault, match="TS-5001") as caught:
        run(bench, bench.card.package())
    assert caught.value.step == 1
    bench.intake.stopped = False
    with pytest.raises(Fault, match="TS-1003"):
        run(bench, b"{" * (1024 * 1024 + 1))
    assert bench.unwrap.calls == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"key":"","iv":""}', b'{"key":1,"iv":2,"payload":3}'])
def test_a_body_that_is_no_package_is_an_http_error(bench: Bench, body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        run(bench, body)
    assert CATALOGUE[caught.value.code].http_status == 400
    assert caught.value.step == 3
    assert bench.keeper.refused == []


def test_no_more_packages_in_work_than_allowed(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    bench = make_bench(rsa_keys, pack, in_work_most=3)
    bodies = [bench.card.package() for _ in range(4)]

    async def all_at_once() -> list[PackageAnswer | BaseException]:
        release = asyncio.Event()

        async def hold() -> None:
            await release.wait()

        bench.ledger.hold = hold
        waiting = [asyncio.create_task(bench.submit(body)) for body in bodies]
        await asyncio.sleep(0.05)
        release.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    answers = asyncio.run(all_at_once())
    refused = [answer for answer in answers if isinstance(answer, Fault)]
    assert [(fault.code, fault.step) for fault in refused] == [("TS-5002", 1)]
    assert sum(isinstance(answer, PackageAnswer) and answer.status == 4 for answer in answers) == 3


def test_the_same_bytes_in_work_wait_for_one_result(bench: Bench) -> None:
    body = bench.card.package()

    async def all_at_once() -> list[PackageAnswer]:
        bench.ledger.hold = lambda: asyncio.sleep(0.02)
        return await asyncio.gather(*(bench.submit(body) for _ in range(8)))

    answers = asyncio.run(all_at_once())
    assert {answer.status for answer in answers} == {4}
    assert sum(answer.replayed for answer in answers) == 7
    assert bench.unwrap.calls == 1
    assert len(bench.ledger.entries) == 1


def test_who_waited_for_a_failure_gets_it_too(bench: Bench) -> None:
    bench.ledger.fault = Fault("TS-5007")
    body = bench.card.package()

    async def all_at_once() -> list[object]:
        bench.ledger.hold = lambda: asyncio.sleep(0.02)
        return await asyncio.gather(*(bench.submit(body) for _ in range(3)), return_exceptions=True)

    assert [getattr(answer, "code", "") for answer in asyncio.run(all_at_once())] == ["TS-5007"] * 3
    assert bench.unwrap.calls == 1


def test_k11_the_budget_of_a_uid_ends_in_429(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    bench = make_bench(rsa_keys, pack)
    good = bench.card.package()
    for number in range(20):
        assert run(bench, seal(b"%d" % number, bench.card.encryption_key)).status == 0
    with pytest.raises(Fault, match="TS-1006") as caught:
        run(bench, good)
    assert (caught.value.step, CATALOGUE["TS-1006"].http_status) == (2, 429)
    assert 0 < (caught.value.retry_after_seconds or 0) <= 3601
    opened = bench.unwrap.calls
    with pytest.raises(Fault, match="TS-1006"):
        run(bench, seal(b"x", bench.card.encryption_key))
    assert bench.unwrap.calls == opened, "nothing is opened any more"
    assert asyncio.run(bench.submit(good, NOW + timedelta(hours=1, seconds=1))).status == 4


def test_k11_the_budget_of_a_taxpayer_counts_all_its_cards(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    bench = make_bench(rsa_keys, pack)

    async def fail(number: int) -> None:
        uid = f"CARD{number % 6:04d}"
        body = seal(b"%d" % number, bench.card.encryption_key)
        await bench.intake.submit_package(body, token_uid=uid, token_tin="1", received_at=NOW)

    for number in range(60):
        asyncio.run(fail(number))
    with pytest.raises(Fault, match="TS-1006") as caught:
        asyncio.run(fail(60))
    assert (caught.value.retry_after_seconds or 0) > 3600


def test_a_sandbox_has_no_budget(bench: Bench) -> None:
    for number in range(25):
        assert run(bench, seal(b"%d" % number, bench.card.encryption_key)).status == 0


def spoiled_signature(bench: Bench, card: Card) -> bytes:
    """A package of that card whose signature is wrong."""
    value = msgspec.json.decode(card.plain())
    value["result"]["signature"] = "AA" + value["result"]["signature"][2:]
    return seal(msgspec.json.encode(value), bench.card.encryption_key)


def bad_packages(bench: Bench, stranger: PrivateKey) -> dict[str, bytes]:
    """Seven kinds of packages that may all be told apart by nothing (security, 8.5)."""
    key = bench.card.encryption_key
    good = read_sealed(bench.other.package())
    unknown = attrs.evolve(bench.other, uid="QQQQ1111")
    return {
        "key": write_sealed(attrs.evolve(good, key=bytes(255) + b"\x07")),
        "iv": write_sealed(attrs.evolve(good, iv=bytes(255) + b"\x07")),
        "padding": write_sealed(attrs.evolve(good, payload=good.payload[:-16])),
        "utf-8": seal(b'{"request":"\xff"}', key),
        "json": seal(b'{"request":', key),
        "shape": seal(b'{"request":{},"result":{}}', key),
        "foreign signature": spoiled_signature(bench, bench.other),
        "foreign unknown signer": unknown.package(),
        "another authority": seal(bench.other.plain(), stranger.public),
    }


def test_k11_every_failure_up_to_a_foreign_signature_is_answered_alike(
    bench: Bench, rsa_keys: list[PrivateKey]
) -> None:
    answers = {name: run(bench, body) for name, body in bad_packages(bench, rsa_keys[3]).items()}
    assert set(answers.values()) == {PackageAnswer(0, step=3, code="TS-1202", refused=True)}
    assert {one.answered for one in bench.keeper.refused} == {0}
    assert {one.code for one in bench.keeper.refused} == {"TS-1202", "TS-1311", "TS-1312"}, "the store keeps the truth"


def test_k11_the_time_of_a_refusal_does_not_tell_how_far_it_came(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    tick = 0.12
    bench = make_bench(rsa_keys, pack, enabled=False, uniform_seconds=tick)
    kinds = bad_packages(bench, rsa_keys[3])

    async def timed() -> dict[str, list[float]]:
        loop = asyncio.get_running_loop()
        seconds: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(3):
            for name, body in kinds.items():
                start = loop.time()
                await bench.submit(body)
                seconds[name].append(loop.time() - start)
        return seconds

    for name, seconds in asyncio.run(timed()).items():
        late = statistics.median(seconds) % tick
        assert min(late, tick - late) < tick / 3, f"{name}: {seconds}"


def test_k11_switched_off_uniformity_shows(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """The protection is what the test above sees: without it the answers differ."""
    monkeypatch.setattr(pipeline, "UNIFORM", frozenset())
    assert run(bench, spoiled_signature(bench, bench.other)).status == 2


def test_the_own_taxpayer_learns_what_is_wrong(bench: Bench) -> None:
    assert run(bench, spoiled_signature(bench, bench.card)).status == 2
    assert run(bench, spoiled_signature(bench, bench.other), sender=bench.other).status == 2


def test_k23_a_package_of_another_card_of_the_environment_is_taken(bench: Bench) -> None:
    answer = run(bench, bench.other.package())
    assert answer.status == 4
    assert bench.ledger.entries[0].tin == bench.other.tin


def test_switched_off_binding_lets_a_wrong_tin_through(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """The test of status 72 rests on the binding checks of step 7 and on nothing else."""
    value = msgspec.json.decode(bench.card.plain())
    value["result"]["tin"] = "111111111"
    body = seal(msgspec.json.encode(value), bench.card.encryption_key)
    without = tuple(check for check in KEPT_CHECKS if check.name != "names_agree")
    monkeypatch.setitem(CHECKS, Channel.ESDC, ChannelChecks(PROOF_CHECKS, without))
    assert run(bench, body).status == 4


def test_switched_off_replay_step_forgets_the_first_answer(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """Step 5 is what keeps the first answer of a card that was put on hold afterwards."""
    body = bench.card.package()
    assert run(bench, body).status == 4
    bench.put(bench.card, state=SecureElementState.HOLD)
    assert run(bench, body).replayed
    assert bench.ledger.of(EntryKind.QUARANTINE) == []

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(bench.intake._keeping, "_booked_before", nothing)
    assert not run(bench, body).replayed
    assert len(bench.ledger.of(EntryKind.QUARANTINE)) == 1


def test_a_first_copy_that_is_not_behind_the_gate_is_not_answered(bench: Bench) -> None:
    """The gate is read on repeats as well (security, 6.3)."""
    body = bench.card.package()
    assert run(bench, body).status == 4
    bench.put(bench.card, state=SecureElementState.HOLD)
    bench.keeper.acked = False
    with pytest.raises(Fault, match="TS-5003") as caught:
        run(bench, body)
    assert caught.value.step == 15


def test_nothing_is_answered_before_the_sequencer_has_answered(bench: Bench) -> None:
    """The gate lies in the sequencer: while it holds its answer back, no status leaves."""

    async def test() -> None:
        release = asyncio.Event()

        async def hold() -> None:
            await release.wait()

        bench.ledger.hold = hold
        task = asyncio.create_task(bench.submit(bench.card.package()))
        done, _ = await asyncio.wait({task}, timeout=0.2)
        assert not done
        release.set()
        assert (await task).status == 4

    asyncio.run(test())


def test_a_refusal_changes_nothing(bench: Bench, rsa_keys: list[PrivateKey]) -> None:
    """I-07."""
    for body in bad_packages(bench, rsa_keys[3]).values():
        run(bench, body)
    assert bench.ledger.entries == []
    assert bench.keeper.rows == {}


def test_the_same_envelope_with_another_payload_is_another_package(bench: Bench) -> None:
    first, second = (read_sealed(bench.card.package()) for _ in range(2))
    mixed = write_sealed(SealedPackage(first.key, first.iv, second.payload))
    assert run(bench, mixed).status == 0


def test_a_cloned_card_goes_on_hold(bench: Bench) -> None:
    clone = attrs.evolve(bench.card, type_counters=[0] * 10)
    assert asyncio.run(bench.submit(bench.card.package())).status == 4
    assert asyncio.run(bench.submit(clone.package(sale(basket(3))))).code == "TS-1403"
    assert bench.keeper.on_hold == {bench.card.uid}
