"""Whatever is asked of a register, refused, lost or cut: it is the kernel's fold over what the authority has booked."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from till_authority import UID
from till_bench import Bench, Supply, price_of, sale, without_flushes

from tallystick.device.ecr.orders import CloseShift, Correct, OpenShift, Refund, ReportX, Reregister, Sell
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import DocumentKind
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

prices = st.integers(1, 5_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
labels = st.sampled_from(["A", "B", "C"])
sales = st.builds(sale, prices, quantity=st.sampled_from(["1", "2", "0.333"]), label=labels)


def with_lines(sold: Sell, sequence: int, direction: TransactionType | None) -> Any:
    """The same lines given back, or corrected."""
    original = SdcInvoiceNumber(UID, UID, sequence)
    payments = (Payment(price_of(sold.lines[0]), PaymentType.CASH),)
    if direction is None:
        return Refund(original=original, lines=sold.lines, payments=payments)
    return Correct(original=original, direction=direction, lines=sold.lines, payments=payments, reason="counted wrong")


orders = st.one_of(
    sales,
    st.builds(with_lines, sales, st.integers(1, 12), st.sampled_from([None, *TransactionType])),
    st.builds(OpenShift, cash=prices.map(Money.of)),
    st.sampled_from([ReportX(), CloseShift(), Reregister(reason="moved"), RegisterOrder()]),
)
events = st.sampled_from(["", "", "", "away", "lost", "TS-1301", "TS-1006"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.tuples(orders, events), min_size=3, max_size=14),
    cuts=st.sets(st.integers(0, 120), max_size=4),
    offline=st.booleans(),
)
def test_the_register_is_the_fold_of_its_documents(steps: list[tuple[Any, str]], cuts: set[int], offline: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, without_flushes():
        bench = Bench(Path(folder) / "till", offline=offline, supply=Supply(*cuts))
        bench.until_done(lambda: bench.do("reg", RegisterOrder()))
        bench.until_done(lambda: bench.do("open", OpenShift()))
        answers: dict[str, bytes] = {}
        for number, (order, event) in enumerate(steps):
            authority = bench.authority
            authority.away, authority.lost_answers = event == "away", int(event == "lost")
            authority.refusals = [event] if event.startswith("TS") and not offline else []
            with suppress(Fault):
                answers[str(number)] = bench.until_done(lambda o=order, n=number: bench.do(str(n), o))  # type: ignore[misc]
        bench.supply.cuts.clear()
        bench.authority.away, bench.authority.lost_answers, bench.authority.refusals = False, 0, []
        assert bench.register.settle()
        assert bench.sync()
        check(bench, answers, steps)
        bench.switch_off()


def check(bench: Bench, answers: dict[str, bytes], steps: list[tuple[Any, str]]) -> None:
    """The fold, the authority's books, and the answers of before."""
    state, given_back = RegisterState(), dict[int, int]()
    for compact in bench.documents:
        signed = read_signed(compact)
        document = read_document(signed.payload)
        state = state.after(document, signed.header.sequence, signed.header.time)
        sold = document.sale
        if sold is not None and sold.refers_to is not None and sold.operation is TransactionType.REFUND:
            given_back[sold.refers_to.ordinal] = given_back.get(sold.refers_to.ordinal, 0) + sold.total.scaled
        assert (document.kind is DocumentKind.REGISTRATION) == (signed.header.sequence == 1)
    assert state == bench.register.status().state == bench.authority.state
    assert bench.documents == [one.compact for one in bench.authority.booked]
    for sequence, amount in given_back.items():
        original = read_document(bench.authority.booked[sequence - 1].payload).sale
        assert original is not None
        assert amount <= original.total.scaled
    for name, answer in answers.items():
        assert bench.do(name, steps[int(name)][0]) == answer
    assert attrs.evolve(state) == bench.register.status().state
