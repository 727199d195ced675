"""Packages over the real ledger: one record for one act, first answers repeated, nothing thrown away."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg
import pytest
from intake_live import Live, live_intake

from benchmarks.package_maker import NOW, basket, sale, seal
from tallystick.authority.intake import queries
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.store import TWO_DOCUMENTS, UNSIGNED_PART_DIFFERS
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.retention import operations as retention
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.retention import RetainedKind, RetentionRules

Test = Callable[[Live], Awaitable[None]]
Run = Callable[[Test], None]


@pytest.fixture
def run(database: str, tmp_path: Path, rsa_keys: list[PrivateKey], pack: CountryPack) -> Run:
    """Runs a test inside a live intake."""

    def runner(test: Test) -> None:
        async def main() -> None:
            async with live_intake(database, tmp_path, rsa_keys, pack) as live:
                await test(live)

        asyncio.run(main())

    return runner


def edited(plain: bytes, **result: Any) -> bytes:
    """The same JSON with some members of the result changed."""
    value = msgspec.json.decode(plain)
    value["result"].update(result)
    return msgspec.json.encode(value)


def test_s2_148_a_package_is_verified_booked_and_found_again(run: Run) -> None:
    async def test(live: Live) -> None:
        plain = live.card.plain()
        answer = await live.submit(seal(plain, live.card.encryption_key))
        assert (answer.status, answer.replayed) == (4, False)
        await live.shown()
        with live.pool.connection() as conn:
            document = ledger.document_by_number(conn, live.card.uid, live.card.uid, 1)
        assert document is not None
        assert (document.index, document.body, document.verdict) == (answer.index, plain, 4)
        assert document.acked

    run(test)


def test_duplicates_in_any_order_and_at_once_give_one_record_and_one_answer(run: Run) -> None:
    """S0-037."""

    async def test(live: Live) -> None:
        bodies = [live.card.package() for _ in range(20)]
        queue = bodies * 4
        random.Random(7).shuffle(queue)
        answers = await asyncio.gather(*(live.submit(body) for body in queue))
        assert {answer.status for answer in answers} == {4}
        assert len({answer.index for answer in answers}) == 20
        assert sum(not answer.replayed for answer in answers) == 20
        assert live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(20,)]
        again = await live.submit(bodies[3])
        assert again.replayed

    run(test)


def test_two_workers_agree_about_the_same_package(run: Run) -> None:
    async def test(live: Live) -> None:
        second = attrs.evolve(live, intake=live.another_intake())
        body = live.card.package()
        answers = await asyncio.gather(live.submit(body), second.submit(body))
        assert {(answer.status, answer.index) for answer in answers} == {(4, answers[0].index)}
        assert sorted(answer.replayed for answer in answers) == [False, True]

    run(test)


def test_the_same_invoice_sealed_anew_is_the_same_document(run: Run) -> None:
    async def test(live: Live) -> None:
        plain = live.card.plain()
        first = await live.submit(seal(plain, live.card.encryption_key))
        second = await live.submit(seal(plain, live.card.encryption_key))
        assert (second.status, second.index, second.replayed) == (first.status, first.index, True)
        assert live.rows("SELECT count(*) FROM intake.evidence") == [(0,)]

    run(test)


def test_the_same_signed_act_with_other_items_is_evidence(run: Run) -> None:
    """S0-035: a change of what the card did not sign is kept and shown, not taken."""

    async def test(live: Live) -> None:
        plain = live.card.plain()
        first = await live.submit(seal(plain, live.card.encryption_key))
        forged = msgspec.json.decode(plain)
        forged["request"]["items"][0]["name"] = "Something cheaper"
        body = seal(msgspec.json.encode(forged), live.card.encryption_key)
        second = await live.submit(body)
        assert (second.status, second.index, second.replayed) == (4, first.index, True)
        await live.submit(body)
        rows = live.rows("SELECT kind, body, entry_index FROM intake.evidence")
        assert len(rows) == 1
        assert rows[0][0] == UNSIGNED_PART_DIFFERS
        assert bytes(rows[0][1]) == msgspec.json.encode(forged)
        with live.pool.connection() as conn:
            entry = ledger.document_by_index(conn, rows[0][2])
        assert entry is not None
        assert entry.facts.kind == str(int(EntryKind.EVIDENCE))

    run(test)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cashier", "Eve"),
        ("referentDocumentNumber", "ABCD1234-ABCD1234-7"),
        ("dateAndTimeOfIssue", "2026-01-01T10:00:00"),
        ("invoiceNumber", "7/2.0"),
        ("buyerCostCenterId", "50:1"),
    ],
)
def test_the_same_signed_act_with_another_field_of_the_request_is_evidence(run: Run, key: str, value: str) -> None:
    """S0-035: cashier, reference and times are as little under the signature as the items are."""

    async def test(live: Live) -> None:
        plain = live.card.plain()
        await live.submit(seal(plain, live.card.encryption_key))
        forged = msgspec.json.decode(plain)
        forged["request"][key] = value
        answer = await live.submit(seal(msgspec.json.encode(forged), live.card.encryption_key))
        assert (answer.status, answer.replayed) == (4, True)
        assert live.rows("SELECT kind FROM intake.evidence") == [(UNSIGNED_PART_DIFFERS,)]

    run(test)


def test_options_and_the_form_of_a_time_are_no_other_document(run: Run) -> None:
    async def test(live: Live) -> None:
        first = msgspec.json.decode(live.card.plain())
        first["request"]["dateAndTimeOfIssue"] = "2026-01-01T10:00:00"  # without offset: the authority's zone
        await live.submit(seal(msgspec.json.encode(first), live.card.encryption_key))
        first["request"]["dateAndTimeOfIssue"] = "2026-01-01T10:00:00.000"
        first["request"]["options"] = {"omitQRCodeGen": "1"}
        answer = await live.submit(seal(msgspec.json.encode(first), live.card.encryption_key))
        assert (answer.status, answer.replayed) == (4, True)
        assert live.rows("SELECT count(*) FROM intake.evidence") == [(0,)]

    run(test)


def test_another_spelling_of_the_same_json_is_no_evidence_to_judge(run: Run) -> None:
    async def test(live: Live) -> None:
        plain = live.card.plain()
        await live.submit(seal(plain, live.card.encryption_key))
        spaced = plain.replace(b'"request":', b'"request": ')
        answer = await live.submit(seal(spaced, live.card.encryption_key))
        assert (answer.status, answer.replayed) == (4, True)
        assert live.rows("SELECT count(*) FROM intake.evidence") == [(0,)]

    run(test)


def test_two_documents_under_one_number_are_kept_as_evidence(run: Run) -> None:
    async def test(live: Live) -> None:
        clone = attrs.evolve(live.card, type_counters=[0] * 10)
        assert (await live.submit(live.card.package())).status == 4
        body = clone.package(sale(basket(3)))
        answer = await live.submit(body)
        assert (answer.status, answer.code, answer.step) == (4, "TS-1403", 10)
        assert (await live.submit(body)).code == "TS-1403"
        rows = live.rows("SELECT kind, ordinal, entry_index FROM intake.evidence")
        assert [row[:2] for row in rows] == [(TWO_DOCUMENTS, 1)]
        assert rows[0][2] is not None
        assert live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(1,)]

    run(test)


def test_a_quarantined_package_is_kept_once_and_judged_anew(run: Run) -> None:
    async def test(live: Live) -> None:
        live.put(live.card, state=SecureElementState.HOLD)
        body = live.card.package()
        for replayed in (False, True):
            answer = await live.submit(body)
            assert (answer.status, answer.code, answer.replayed) == (4, "TS-2407", replayed)
        assert live.rows("SELECT count(*), count(entry_index) FROM intake.quarantine") == [(1, 1)]
        kinds = [ledger_kind(live, index) for index in range(await live.shown())]
        assert kinds.count(EntryKind.QUARANTINE) == 1
        live.put(live.card)
        answer = await live.submit(body)
        assert (answer.status, answer.code, answer.replayed) == (4, "", False)
        assert live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(1,)]

    run(test)


def ledger_kind(live: Live, index: int) -> int:
    """The kind of an entry."""
    with live.pool.connection() as conn:
        entry = ledger.document_by_index(conn, index)
    assert entry is not None
    return int(entry.facts.kind)


def test_step_5_what_was_booked_keeps_its_answer_whatever_happened_since(run: Run) -> None:
    async def test(live: Live) -> None:
        body = live.card.package()
        first = await live.submit(body)
        await live.shown()
        for changes in (
            {"state": SecureElementState.HOLD},
            {"state": SecureElementState.CLOSED},
            {"state": SecureElementState.REVOKED, "revoked_at": NOW - timedelta(days=1)},
            {"environment": (5, 8)},
        ):
            live.put(live.card, **changes)
            again = await live.submit(body)
            assert (again.status, again.index, again.replayed) == (4, first.index, True), changes
        assert live.rows("SELECT count(*) FROM intake.quarantine") == [(0,)]
        assert live.rows("SELECT count(*) FROM intake.refused") == [(0,)]

    run(test)


def test_a_flagged_booking_repeats_its_first_number(run: Run) -> None:
    async def test(live: Live) -> None:
        body = live.card.package(at=NOW + timedelta(hours=1))
        first = await live.submit(body)
        later = await live.submit(body, NOW + timedelta(hours=2))
        assert (first.status, later.status, later.replayed) == (73, 73, True)

    run(test)


def test_refused_files_are_kept_three_months_and_counted(run: Run) -> None:
    async def test(live: Live) -> None:
        signature = base64.b64encode(bytes(256)).decode()
        body = seal(edited(live.card.plain(), signature=signature), live.card.encryption_key)
        await live.submit(body)
        await live.submit(body, NOW + timedelta(days=1))
        assert live.rows("SELECT body = %s, times, step, code, answered FROM intake.refused", body) == [
            (True, 2, 6, "TS-1312", 2)
        ]
        with live.pool.connection() as conn:
            assert queries.overview(conn, NOW + timedelta(days=1)).refused_lately == 1
            for days, removed in ((89, {}), (94, {RetainedKind.REFUSED: 1})):
                at = NOW + timedelta(days=days)
                assert retention.carry_out(conn, RetentionRules(), "process:worker", at) == removed

    run(test)


def test_the_budget_survives_a_restart(run: Run) -> None:
    async def test(live: Live) -> None:
        for number in range(3):
            await live.submit(seal(b"%d" % number, live.card.encryption_key))
        intake = live.another_intake(budget=BudgetPolicy(per_uid_hour=3))
        await intake.remember_refusals(NOW)
        with pytest.raises(Fault, match="TS-1006"):
            await attrs.evolve(live, intake=intake).submit(live.card.package())

    run(test)


def test_nothing_final_is_said_while_a_part_is_away(run: Run) -> None:
    async def test(live: Live) -> None:
        body = live.card.package()
        await live.stop_sequencer()
        with pytest.raises(Fault, match="TS-5007"):
            await live.submit(body)
        live.stop_unwrap.set()
        await asyncio.sleep(0.1)
        await live.unwrap.close()
        with pytest.raises(Fault, match="TS-5004"):
            await live.submit(body)
        assert live.rows("SELECT count(*) FROM intake.refused") == [(0,)]

    run(test)


def test_a_database_that_is_away_is_our_doubt(run: Run) -> None:
    async def test(live: Live) -> None:
        live.put(live.card, state=SecureElementState.HOLD)
        body = live.card.package()
        with psycopg.connect(live.dsn, autocommit=True) as owner:
            owner.execute("ALTER TABLE intake.quarantine RENAME TO quarantine_away")
            with pytest.raises(Fault, match="TS-5009"):
                await live.submit(body)
            owner.execute("ALTER TABLE intake.quarantine_away RENAME TO quarantine")
        assert (await live.submit(body)).status == 4

    run(test)
