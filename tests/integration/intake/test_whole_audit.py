"""The E-SDC against our own authority: the published cases from the till to the ledger and back (S2-086 to S2-120)."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from esdc_bench import PIN, UID, body, configuration
from esdc_power import without_flushes
from officers import Office
from whole_audit import WholeAudit, whole_audit

from tallystick.crypto.keys import PrivateKey
from tallystick.device.esdc.authority_client import HttpAnswer
from tallystick.device.esdc.fiscalise import Order
from tallystick.kernel.fixed_point import Money
from tallystick.wire.taxcore_api import (
    AuditAnswer,
    Command,
    CommandType,
    read_audit_answer,
    read_commands,
    write_audit_answer,
    write_commands,
)

Test = Callable[[WholeAudit], Awaitable[None]]
Run = Callable[..., None]
ONE = Money.of("68.46")


@pytest.fixture
def run(database: str, tmp_path: Path, rsa_keys: list[PrivateKey]) -> Run:
    """Runs a test over a shop and an authority."""

    def runner(test: Test, **options: bool | int) -> None:
        async def main() -> None:
            async with whole_audit(database, tmp_path, rsa_keys, **options) as whole:  # type: ignore[arg-type]
                await test(whole)

        with without_flushes():
            asyncio.run(main())

    return runner


async def proof(whole: WholeAudit, *, issued: int = 1) -> None:
    """The pause passes, the worker works, the device fetches what waits."""
    assert (await whole.work(3)).issued == issued
    await whole.round(1)


def commands_through(change: Callable[[Command], Command | None], path: str, answer: HttpAnswer) -> HttpAnswer:
    """An answer with its commands changed or taken out on the way."""
    if answer.status != 200 or not path.endswith(("/status", "/commands", "/audit")):
        return answer
    if path.endswith("/audit"):
        verdict = read_audit_answer(answer.body)
        kept = tuple(new for one in verdict.commands if (new := change(one)) is not None)
        return attrs.evolve(answer, body=write_audit_answer(AuditAnswer(verdict.status, kept)))
    found = [new for one in read_commands(answer.body) if (new := change(one)) is not None]
    return attrs.evolve(answer, body=write_commands(found))


def _wrong(command: Command) -> Command:
    return attrs.evolve(command, payload="A" * 342 + "==") if command.type == 5 else command


wrong_proofs = partial(commands_through, _wrong)
"""Somebody between the two replaces each proof."""
no_commands = partial(commands_through, lambda command: None)
"""Somebody between the two holds all commands back."""


def test_s2_117_case_1_end_to_end_true(run: Run) -> None:
    async def test(whole: WholeAudit) -> None:
        whole.sell()
        await whole.round(20)
        assert whole.unaudited() == ONE
        await proof(whole)
        assert whole.unaudited() == Money(0)
        assert (await whole.work()).executed == 1
        assert whole.live.rows("SELECT state FROM audit.request") == [("ended",)]
        assert whole.live.rows("SELECT ended_at IS NOT NULL, starts FROM audit.cycle") == [(True, 1)]
        refused = [call for call in whole.authority.calls if call[2] >= 400]
        assert refused == []

    run(test)


def test_s2_117_case_1_end_to_end_false_then_on(run: Run) -> None:
    """End Audit fails: nothing is released, the cycle goes on until a proof is good."""

    async def test(whole: WholeAudit) -> None:
        whole.sell()
        await whole.round(20)
        whole.authority.change = wrong_proofs
        await proof(whole)
        assert whole.unaudited() == ONE
        assert whole.live.rows("SELECT success FROM audit.proof") == [(False,)]
        assert whole.live.rows("SELECT ended_at FROM audit.cycle") == [(None,)]
        whole.authority.change = lambda path, answer: answer
        whole.sell()
        await whole.round(20)
        await proof(whole)
        assert whole.unaudited() == Money(0)
        assert whole.live.rows("SELECT ended_at IS NOT NULL, starts FROM audit.cycle") == [(True, 2)]

    run(test)


@pytest.mark.parametrize("good", [True, False])
def test_s2_118_case_2_end_to_end(run: Run, good: bool) -> None:
    """1 to 3, start, 4 to 6: the proof frees 1 to 3 alone; a failed one frees nothing until a valid one comes."""

    async def test(whole: WholeAudit) -> None:
        whole.sell(3)
        await whole.round(20)
        whole.sell(3)
        await whole.round(1)
        if not good:
            whole.authority.change = wrong_proofs
        await proof(whole)
        held = [ordinal for ordinal in range(1, 10) if whole.store.package(ordinal) is not None]
        assert held == ([4, 5, 6] if good else [1, 2, 3, 4, 5, 6])
        assert whole.unaudited().scaled == ONE.scaled * len(held)
        whole.authority.change = lambda path, answer: answer
        await whole.round(20)
        await proof(whole)
        assert whole.unaudited() == Money(0)
        assert whole.store.held_count() == 0

    run(test, keep_until_proof=True)


def test_s2_114_case_2a_end_to_end_a_late_arrival_makes_the_proof_wait(run: Run) -> None:
    async def test(whole: WholeAudit) -> None:
        whole.sell(2)
        whole.authority.swallowed = {2}
        await whole.round(20)
        assert (await whole.work(3)).issued == 0
        whole.authority.swallowed = set()
        await whole.round(5)
        assert (await whole.work(1)).issued == 0, "settles from the arrival, not from the start"
        assert (await whole.work(2)).issued == 1
        await whole.round(1)
        assert whole.unaudited() == Money(0)

    run(test, keep_until_proof=True)


@pytest.mark.parametrize("good", [True, False])
def test_s2_119_case_3_end_to_end(run: Run, good: bool) -> None:
    """Two starts before an end: the first is cancelled, its proof refused by the card; the second frees 1 to 5."""

    async def test(whole: WholeAudit) -> None:
        whole.sell(3)
        await whole.round(20)
        assert (await whole.work(3)).issued == 1
        (first,) = whole.live.rows("SELECT poa FROM audit.proof")[0]
        whole.authority.change = no_commands
        whole.sell(2)
        await whole.round(16)
        assert whole.live.rows("SELECT state FROM audit.request ORDER BY audit_sequence") == [
            ("superseded",),
            ("waiting",),
        ]
        late = deliver_late(whole, bytes(first))
        assert late is False, "S2-115: delivered anyway, the card rejects it"
        assert whole.unaudited().scaled == 5 * ONE.scaled
        whole.authority.change = (lambda path, answer: answer) if good else wrong_proofs
        await proof(whole)
        assert whole.unaudited().scaled == (0 if good else 5 * ONE.scaled)
        whole.authority.change = lambda path, answer: answer
        if not good:
            whole.sell()
            await whole.round(20)
            await proof(whole)
        assert whole.store.held_count() == 0
        assert whole.live.rows("SELECT ended_at IS NOT NULL FROM audit.cycle") == [(True,)]

    run(test, keep_until_proof=True)


def deliver_late(whole: WholeAudit, poa: bytes) -> bool:
    """Give the device a proof as a command, and see what it says."""
    number = str(uuid4()).upper()
    command = Command(number, CommandType.FORWARD_PROOF_OF_AUDIT, b64encode(poa).decode(), UID)
    whole.bench.device.obey_all([command])
    results = dict(whole.store.setup.unreported())
    whole.store.setup.note_reported(number)
    return results[number]


def test_s2_115_a_proof_that_is_delivered_late_and_twice_releases_once(run: Run) -> None:
    async def test(whole: WholeAudit) -> None:
        whole.sell()
        await whole.round(20)
        await proof(whole)
        (poa,) = whole.live.rows("SELECT poa FROM audit.proof")[0]
        whole.sell()
        for _ in range(2):
            assert deliver_late(whole, bytes(poa)) is False
        assert whole.unaudited() == ONE, "what was sold since is not released by an old proof"

    run(test)


def test_k_13_one_exchange_mends_a_hole_end_to_end(run: Run) -> None:
    """Somebody answered 4 for a package and dropped it. The next request for proof brings it to light and mends it."""

    async def test(whole: WholeAudit) -> None:
        whole.authority.swallowed = {2}
        whole.sell(3)
        await whole.round()
        assert whole.live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by = %s", UID) == [(2,)]
        whole.authority.swallowed = set()
        before = len(whole.authority.calls)
        await whole.round(20)
        calls = [call for call in whole.authority.calls[before:] if call[1].startswith("audit")]
        assert calls == [("POST", "audit-proof", 200), ("POST", "audit", 200)]
        assert whole.live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by = %s", UID) == [(3,)]
        await proof(whole)
        assert whole.unaudited() == Money(0)

    run(test, keep_until_proof=True)


def test_s2_104_k_13_a_lost_package_from_the_till_to_two_officers_and_back(run: Run) -> None:
    """The device has deleted what somebody swallowed: it says so, the officers see it and release the card."""

    async def test(whole: WholeAudit) -> None:
        whole.authority.swallowed = {2}
        whole.sell(3)
        await whole.round()
        whole.authority.swallowed = set()
        end = await whole.round(20)
        assert end.gone == ((2, 2),)
        assert whole.live.rows("SELECT gone FROM audit.request") == [([2, 2],)]
        assert (await whole.work(3)).issued == 0
        office, now = Office.of(whole.live.dsn), whole.bench.clock()
        office.approve("omar", office.ask("vera", UID, now), now)
        await proof(whole)
        assert whole.unaudited() == Money(0)
        (standing,) = office.standings()
        assert (standing.lacking, standing.rest) == (((2, 2),), ONE)
        whole.sell()
        end = await whole.round(20)
        assert end.gone == (), "excused, so nobody asks for it again"
        await proof(whole)
        assert whole.unaudited() == Money(0)

    run(test)


def test_s2_003_the_authoritys_documents_alone_drive_a_fresh_device(run: Run) -> None:
    """Checklist 16.2.8: rates, time server, verification address and environment come from the initialization set."""

    async def test(whole: WholeAudit) -> None:
        session = whole.bench.device.session
        assert session is not None
        assert session.setup is not None
        told = whole.store.setup.configuration()
        assert set(told) == {0, 1, 2, 7} - ({1} if not configuration().ntp_server else set())
        assert told[2] == configuration().verification_prefix
        answer = json.loads(whole.bench.device.sell(Order(body=body())).answer)
        assert answer["verificationUrl"].startswith(configuration().verification_prefix)
        await whole.round()
        assert whole.live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by = %s", UID) == [(1,)]

    run(test)


def test_s2_006_each_question_initialises_again(run: Run) -> None:
    """A card taken out and put in again: the device asks, and gets the whole set once more under new numbers."""

    async def test(whole: WholeAudit) -> None:
        before = len(whole.authority.calls)
        whole.bench.reader.insert(whole.bench.card)
        whole.bench.device.verify_pin(PIN)
        await whole.round()
        reports = [call for call in whole.authority.calls[before:] if call[1].startswith("commands/")]
        assert [call[2] for call in reports] == [200] * len(whole.store.setup.configuration())

    run(test)


def test_s2_109_at_the_limit_the_card_works_again_after_its_proof(run: Run) -> None:
    """The crossing invoice is signed, the next is refused, and one audit later the till sells again (S2-095)."""

    async def test(whole: WholeAudit) -> None:
        whole.sell(2)
        with pytest.raises(Exception, match="2210"):
            whole.sell()
        await whole.round(1)
        await proof(whole)
        whole.sell()
        assert whole.unaudited() == ONE

    run(test, limit=100)
