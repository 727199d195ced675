"""Packages that are accepted, refused or kept apart: each status by one mutation (wire, 6.6; 16.2.3; S2-148)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from intake_bench import Bench, make_bench
from intake_statuses import DAY, Json, edited, judge

from benchmarks.package_maker import NOW, Card, basket, sale, seal
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack, Tolerances
from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import InvoiceType, TransactionType


def test_status_4_a_genuine_package_is_booked_with_all_its_facts(bench: Bench) -> None:
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.step, answer.code, answer.index) == (4, 15, "", 0)
    (entry,) = bench.ledger.entries
    assert (entry.kind, entry.device, entry.se_total) == (EntryKind.DOCUMENT, ("ABCD1234", "ABCD1234"), 1)
    assert entry.flags == ()
    assert entry.leaf_flags == 0
    assert entry.verdict == 4
    assert entry.total == entry.day_amount == sale().total_amount.scaled
    assert set(entry.tax_totals) == {"1", "2", "3"}
    assert bench.unwrap.calls == 1, "key, IV and internal data in one call"


@pytest.mark.parametrize("invoice_type", InvoiceType)
@pytest.mark.parametrize("transaction_type", TransactionType)
def test_k26_turnover_counts_normal_and_advance_only(
    bench: Bench, invoice_type: InvoiceType, transaction_type: TransactionType
) -> None:
    refers: Json = {"referent_document_number": "ABCD1234-ABCD1234-9", "referent_document_dt": NOW - DAY}
    request = sale(invoice_type=invoice_type, transaction_type=transaction_type, **refers)
    assert judge(bench, bench.card.plain(request)).status == 4
    amount = request.total_amount.scaled if invoice_type.is_fiscal else 0
    assert bench.ledger.entries[0].day_amount == (-amount if transaction_type is TransactionType.REFUND else amount)


def test_status_0_json_of_another_shape(bench: Bench) -> None:
    for plain in (b"", b"[]", b"{}", b'{"request":{}}', b"\xff\xfe", b'{"request":1,"result":{}}', b"{" * 40):
        answer = judge(bench, plain)
        assert (answer.status, answer.code, answer.step) == (0, "TS-1202", 3)
    assert bench.ledger.entries == []
    assert {one.step for one in bench.keeper.refused} == {4}


def test_status_0_sealed_for_another_authority(bench: Bench, rsa_keys: list[PrivateKey]) -> None:
    answer = asyncio.run(bench.submit(seal(bench.card.plain(), rsa_keys[3].public)))
    assert (answer.status, answer.code) == (0, "TS-1202")
    assert [one.step for one in bench.keeper.refused] == [3]


def test_status_2_signature_of_another_key(bench: Bench) -> None:
    """S0-035."""

    def spoil(_: Json, result: Json) -> None:
        result["signature"] = "AA" + result["signature"][2:]

    answer = judge(bench, edited(bench.card.plain(), spoil))
    assert (answer.status, answer.code, answer.step) == (2, "TS-1312", 6)
    assert bench.ledger.entries == []
    assert bench.keeper.refused[0].code == "TS-1312"


@pytest.mark.parametrize("key", ["totalAmount", "transactionTypeCounter"])
def test_status_2_a_signed_value_was_changed(bench: Bench, key: str) -> None:
    """S0-035."""

    def spoil(_: Json, result: Json) -> None:
        result[key] += 1

    assert judge(bench, edited(bench.card.plain(), spoil)).status == 2


def test_status_8_no_such_card_of_this_taxpayer(bench: Bench) -> None:
    del bench.directory.entries[bench.card.uid]
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.code, answer.step) == (8, "TS-1311", 6)


def test_status_8_a_card_of_another_environment(bench: Bench) -> None:
    bench.put(bench.card, environment=(5, 8))
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.code) == (8, "TS-1108")


def test_status_1_where_memory_lags_behind_the_registry(bench: Bench) -> None:
    del bench.directory.entries[bench.card.uid]
    bench.keeper.registered.add(bench.card.uid)
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.code) == (1, "TS-1311")
    assert bench.keeper.refused == []


def test_status_1_where_the_registration_is_not_in_the_ledger_yet(bench: Bench) -> None:
    bench.put(bench.card, registration_index=None)
    assert asyncio.run(bench.submit(bench.card.package())).status == 1
    bench.put(bench.card)
    bench.ledger.fault = Fault("TS-2401")
    assert asyncio.run(bench.submit(bench.card.package())).status == 1


def test_status_1_for_our_own_bug(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.ledger, "append", None)
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.code) == (1, "TS-5099")


def quarantined(bench: Bench, answer: PackageAnswer, status: int, code: str, step: int) -> None:
    """The package is kept apart, with an entry of kind 04, and never booked or thrown away."""
    assert (answer.status, answer.code, answer.step) == (status, code, step)
    assert bench.ledger.of(EntryKind.DOCUMENT) == []
    assert bench.keeper.refused == []
    (row,) = bench.keeper.rows.values()
    (entry,) = bench.ledger.of(EntryKind.QUARANTINE)
    assert entry.body == row.body
    assert entry.device == (row.requested_by, row.signed_by)
    assert bench.keeper.indexes[row.act_hash] == 0


def test_status_6_revoked_when_it_was_signed(bench: Bench) -> None:
    bench.put(bench.card, state=SecureElementState.REVOKED, revoked_at=NOW - DAY)
    quarantined(bench, asyncio.run(bench.submit(bench.card.package())), 6, "TS-1104", 6)


def test_a_later_revocation_does_not_harm(bench: Bench) -> None:
    bench.put(bench.card, state=SecureElementState.REVOKED, revoked_at=NOW + DAY)
    assert asyncio.run(bench.submit(bench.card.package(), NOW + 2 * DAY)).status == 4


@pytest.mark.parametrize("reason", [1, 2])
def test_k_05_after_a_compromise_a_document_s_own_time_proves_nothing(bench: Bench, reason: int) -> None:
    """A thief sets the clock; what really is older is kept whole, and two officers let it in."""
    bench.put(bench.card, state=SecureElementState.REVOKED, revoked_at=NOW + DAY, revocation_reason=reason)
    quarantined(bench, asyncio.run(bench.submit(bench.card.package(), NOW + 2 * DAY)), 6, "TS-1104", 6)


def test_k_05_what_came_before_a_compromise_was_told_stays_good(bench: Bench) -> None:
    package = bench.card.package()
    assert asyncio.run(bench.submit(package)).status == 4
    bench.put(bench.card, state=SecureElementState.REVOKED, revoked_at=NOW + DAY, revocation_reason=1)
    assert asyncio.run(bench.submit(package, NOW + 2 * DAY)).status == 4


def test_status_72_tin_of_another_taxpayer(bench: Bench) -> None:
    """S0-038."""

    def spoil(_: Json, result: Json) -> None:
        result["tin"] = "111111111"

    quarantined(bench, judge(bench, edited(bench.card.plain(), spoil)), 72, "TS-1313", 7)


def test_status_72_requested_by_another_card(bench: Bench) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["requestedBy"] = "WXYZ9876"
        result["invoiceNumber"] = "WXYZ9876-ABCD1234-1"

    quarantined(bench, judge(bench, edited(bench.card.plain(), spoil)), 72, "TS-1313", 7)


def test_status_72_a_uid_beside_the_number(bench: Bench) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["signedBy"] = "WXYZ9876"

    quarantined(bench, judge(bench, edited(bench.card.plain(), spoil)), 72, "TS-1313", 7)


@pytest.mark.parametrize("url", [None, "", 7])
def test_status_78_without_verification_url(bench: Bench, url: object) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["verificationUrl"] = url

    quarantined(bench, judge(bench, edited(bench.card.plain(), spoil)), 78, "TS-1220", 7)


@pytest.mark.parametrize("mrc", [None, "", "1-1-1", "nonsense"])
def test_status_24_mrc_malformed(bench: Bench, mrc: object) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["mrc"] = mrc

    quarantined(bench, judge(bench, edited(bench.card.plain(), spoil)), 24, "TS-1220", 7)


def test_status_71_without_payment(bench: Bench) -> None:
    payments: tuple[object, ...] = (None, [])
    for payment in payments:

        def spoil(request: Json, _: Json, payment: object = payment) -> None:
            request["payment"] = payment

        plain = edited(bench.card.plain(), spoil)
        answer = judge(bench, plain)
        assert (answer.status, answer.code, answer.step) == (71, "TS-1220", 7)
    assert len(bench.ledger.of(EntryKind.QUARANTINE)) == len(bench.keeper.rows) == 2


def test_status_3_internal_data_of_another_authority(bench: Bench, rsa_keys: list[PrivateKey]) -> None:
    stranger = attrs.evolve(bench.card, encryption_key=rsa_keys[3].public)
    quarantined(bench, judge(bench, stranger.plain()), 3, "TS-1316", 7)


def test_status_3_internal_data_that_counts_another_invoice(bench: Bench) -> None:
    card = bench.card
    honest = card._internal

    def late(at: datetime) -> object:
        return attrs.evolve(honest(at), total_counter=99)

    liar = _Liar(card, late)
    quarantined(bench, judge(bench, liar.plain()), 3, "TS-1316", 7)


class _Liar(Card):
    """A card whose counters say what a test wants."""

    def __init__(self, card: Card, internal: Callable[[datetime], object]) -> None:
        super().__init__(card.uid, card.tin, card.key, card.encryption_key)
        object.__setattr__(self, "_says", internal)

    def _internal(self, at: datetime) -> Any:
        return self._says(at)  # type: ignore[attr-defined]  # set above


def test_a_field_that_cannot_be_understood_is_kept_apart(bench: Bench) -> None:
    def spoil(request: Json, _: Json) -> None:
        request["items"][0]["quantity"] = "many"

    answer = judge(bench, edited(bench.card.plain(), spoil))
    assert (answer.status, answer.code, answer.step) == (0, "TS-1220", 7)
    assert len(bench.keeper.rows) == 1
    assert bench.keeper.refused == []


def test_a_package_that_cannot_be_read_but_was_signed_is_kept_apart(bench: Bench) -> None:
    def spoil(_: Json, result: Json) -> None:
        del result["encryptedInternalData"]

    answer = judge(bench, edited(bench.card.plain(), spoil))
    assert answer.status == 0
    (row,) = bench.keeper.rows.values()
    assert (row.signed_by, row.ordinal, row.turnover) == ("ABCD1234", 1, sale().total_amount.scaled)
    assert bench.keeper.refused == []


def test_several_faults_answer_the_first_of_the_wire(bench: Bench) -> None:
    def spoil(request: Json, result: Json) -> None:
        result["mrc"] = "nonsense"
        request["payment"] = []
        result["taxGroupRevision"] = 99

    answer = judge(bench, edited(bench.card.plain(), spoil))
    assert answer.status == 24
    (row,) = bench.keeper.rows.values()
    assert row.codes == ["TS-1220", "TS-2004"]
    assert row.verdict == 24


def test_internal_data_in_an_odd_spelling_needs_a_second_call(bench: Bench) -> None:
    plain = bench.card.plain().replace(b'"encryptedInternalData"', b'"EncryptedInternalData"')
    assert judge(bench, plain).status == 4
    assert bench.unwrap.calls == 2


def test_baskets_of_any_size(bench: Bench) -> None:
    for lines in (1, 40):
        assert judge(bench, bench.card.plain(sale(basket(lines)))).status == 4


def test_a_foreign_pack_has_other_tolerances(rsa_keys: list[PrivateKey], pack: CountryPack) -> None:
    bench = make_bench(rsa_keys, attrs.evolve(pack, tolerances=Tolerances(future_minutes=60)))
    assert judge(bench, bench.card.plain(at=NOW + timedelta(minutes=50))).status == 4


def test_a_device_on_hold_is_kept_apart_with_status_4(bench: Bench) -> None:
    bench.put(bench.card, state=SecureElementState.HOLD)
    quarantined(bench, asyncio.run(bench.submit(bench.card.package())), 4, "TS-2407", 8)


def test_a_closed_device_is_kept_apart_with_status_8(bench: Bench) -> None:
    bench.put(bench.card, state=SecureElementState.CLOSED)
    quarantined(bench, asyncio.run(bench.submit(bench.card.package())), 8, "TS-2401", 8)
