"""Documents of the national channels as hypothesis makes them: any that the kernel allows, and their headers."""

from __future__ import annotations

from hypothesis import strategies as st

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.invoice import InvoiceItem, Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import (
    Closure,
    CountAndSum,
    DocumentKind,
    FormNumber,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
    ShiftTotals,
    StatedTax,
)
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.document_jws import SEQUENCE_MAX, DocumentHeader

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
AMOUNT = st.integers(0, 10**17).map(Money)
SIGNED = st.integers(-(10**17), 10**17).map(Money)
UID = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=8).map(Uid)
SEQUENCE = st.integers(1, SEQUENCE_MAX)
NUMBER = st.builds(lambda uid, seq: SdcInvoiceNumber(uid, uid, seq), UID, SEQUENCE)
LABEL = st.text("ABCDEFGH", min_size=1, max_size=3)
ITEM = st.builds(
    InvoiceItem,
    TEXT,
    st.integers(0, 10**16).map(Quantity),
    AMOUNT,
    st.lists(LABEL, min_size=1, max_size=4).map(tuple),
    AMOUNT,
    st.none() | st.text("0123456789", min_size=8, max_size=14),
)
SALE = st.builds(
    Sale,
    operation=st.sampled_from(TransactionType),
    items=st.lists(ITEM, min_size=1, max_size=4).map(tuple),
    payments=st.lists(st.builds(Payment, AMOUNT, st.sampled_from(PaymentType)), min_size=1, max_size=3).map(tuple),
    taxes=st.lists(st.builds(StatedTax, LABEL, st.integers(0, 10**13).map(Rate), AMOUNT), max_size=3).map(tuple),
    total=AMOUNT,
    rate_group=st.integers(1, 1000),
    currency=st.just("XTS"),
    cashier=st.just("") | TEXT,
    buyer_id=st.just("") | st.text("0123456789", min_size=1, max_size=20),
    refers_to=st.none() | NUMBER,
    reason=st.just("") | TEXT,
    form=st.none() | st.builds(FormNumber, st.just("AB"), st.just("000123")),
)
COUNTED = st.builds(CountAndSum, st.integers(0, 10**9), AMOUNT)


def pairs(keys: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, Money], ...]]:
    return st.dictionaries(keys, SIGNED, max_size=4).map(lambda found: tuple(sorted(found.items())))


REPORT = st.builds(
    ShiftReport,
    first=SEQUENCE,
    last=SEQUENCE,
    totals=st.builds(
        ShiftTotals,
        sales=COUNTED,
        refunds=COUNTED,
        corrections_up=COUNTED,
        corrections_down=COUNTED,
        taxes=pairs(LABEL),
        payments=pairs(st.sampled_from(sorted(PAYMENT_WORDS.values()))),
    ),
    cash=SIGNED,
    turnover=SIGNED,
)
REGISTER = st.builds(
    RegisterReport,
    maker=TEXT,
    model=TEXT,
    serial_number=TEXT,
    memory_number=st.just("") | TEXT,
    premises=st.just("") | TEXT,
    reason=st.just("") | TEXT,
)
SALES = st.sampled_from([DocumentKind.RECEIPT, DocumentKind.ACCOUNTABLE_FORM, DocumentKind.CORRECTION])
BUILD = st.just("0a" * 32)
OFFSET = st.integers(-840, 840)


def documents(
    kind: st.SearchStrategy[DocumentKind], content: object, shift: bool
) -> st.SearchStrategy[NationalDocument]:
    return st.builds(
        NationalDocument,
        kind=kind,
        build=BUILD,
        utc_offset_minutes=OFFSET,
        content=content,  # type: ignore[arg-type]  # strategies of several contents
        shift=SEQUENCE if shift else st.just(0),
    )


RECEIPTS = documents(SALES, SALE, True)
DOCUMENTS = (
    RECEIPTS
    | documents(st.just(DocumentKind.SHIFT_OPENING), st.builds(ShiftOpening, AMOUNT, st.just("") | TEXT), True)
    | documents(st.sampled_from([DocumentKind.SHIFT_CLOSING, DocumentKind.STATUS]), REPORT, True)
    | documents(st.sampled_from([DocumentKind.REGISTRATION, DocumentKind.RE_REGISTRATION]), REGISTER, False)
    | documents(
        st.just(DocumentKind.CLOSURE),
        st.builds(Closure, documents=SEQUENCE, turnover=SIGNED, reason=TEXT),
        False,
    )
)
HEADERS = st.builds(
    DocumentHeader,
    kid=st.binary(min_size=32, max_size=32),
    audience=st.text("abcdefghijklmnopqrstuvwxyz./-", min_size=1, max_size=80),
    device=UID,
    sequence=SEQUENCE,
    previous=st.binary(min_size=32, max_size=32),
    nonce=st.binary(min_size=16, max_size=16),
    time_ms=st.integers(0, 4_102_444_800_000),
)
