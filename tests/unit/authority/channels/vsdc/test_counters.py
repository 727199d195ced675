"""The counters of a pair count what a card counts (wire: 15.2)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from cards import NOW, country, new_card, ready
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.authority.channels.vsdc.counters import count, first_counters
from tallystick.crypto.envelope import open_internal_data
from tallystick.device.applet import VirtualCard
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.card import InternalData, SignRequest

KINDS = st.tuples(
    st.sampled_from(InvoiceType),
    st.sampled_from(TransactionType),
    st.integers(1, 1_000_000),
    st.dictionaries(st.integers(1, 3), st.integers(0, 100_000), max_size=3),
)


def wanted(number: int, kind: tuple[InvoiceType, TransactionType, int, dict[int, int]]) -> SignRequest:
    invoice_type, transaction_type, amount, taxes = kind
    return SignRequest(
        time_ms=unix_ms(NOW) + number,
        tin="123456789",
        invoice_type=invoice_type,
        transaction_type=transaction_type,
        amount=Money(amount),
        categories=tuple(sorted((order_id, Money(tax)) for order_id, tax in taxes.items())),
    )


@settings(max_examples=12)
@given(st.lists(KINDS, min_size=1, max_size=8))
def test_a_pair_counts_as_a_card_does(kinds: list[tuple[InvoiceType, TransactionType, int, dict[int, int]]]) -> None:
    with TemporaryDirectory() as folder:
        card = VirtualCard.open(new_card(Path(folder) / "card"))
        session = ready(card)
        ours = first_counters("SIGNERO0")
        for number, kind in enumerate(kinds):
            request = wanted(number, kind)
            answer = session.sign_invoice(request)
            ours = count(ours, request, 5)
            theirs = InternalData.decode(open_internal_data(answer.encrypted_internal_data, country().package_key))
            assert (ours.total_counter, ours.type_counters) == (theirs.total_counter, theirs.type_counters)
            assert (ours.sales, ours.refunds, ours.time_ms) == (theirs.sales, theirs.refunds, theirs.time_ms)
            known = {total.order_id: total for total in ours.categories}
            for total in theirs.categories:
                if total.order_id in known:
                    assert known[total.order_id] == total
        card.power_off()
    assert Decimal(ours.total_counter) == len(kinds)


def test_further_categories_begin_at_nothing_and_none_is_lost() -> None:
    sale = SignRequest(
        time_ms=1,
        tin="1",
        invoice_type=InvoiceType.NORMAL,
        transaction_type=TransactionType.SALE,
        amount=Money(10),
        categories=((2, Money(3)),),
    )
    few = count(first_counters("SIGNERO0"), sale, 2)
    assert len(few.categories) == 5, "five fit one block anyhow"
    many = count(few, sale, 9)
    assert [total.order_id for total in many.categories] == list(range(1, 10))
    assert many.categories[1].sale_tax == Money(6)
    assert len(count(many, sale, 2).categories) == 9
