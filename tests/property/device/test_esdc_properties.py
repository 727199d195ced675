"""Whatever form a client gives a request, the card signs the same bytes; whoever sells at once, numbers have no gap."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cards import rsa_key, seller
from esdc_bench import START, UID, Bench, calm_country, setup_commands
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.device.esdc.facts import CardFacts, Facts, Position
from tallystick.device.esdc.fiscalise import Order, fiscalise
from tallystick.device.esdc.sale_needs import KeepIntent
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.setup import build_setup
from tallystick.device.esdc.store import Intent
from tallystick.kernel.faults import PosFault
from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import InvoiceType, PaymentType, TaxCategoryType, TaxItem, TransactionType
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_languages import LanguageNotOffered, choose_language
from tallystick.wire.pos_values import INVOICE_TYPES, PAYMENT_TYPES, TRANSACTION_TYPES, EnumerationForms
from tallystick.wire.tax_record import read_taxes, write_taxes

FRESH = Position(counter=0, last_signed_ms=0)
WHOLE: dict[str, Any] = {
    "invoiceType": "Normal",
    "transactionType": "Refund",
    "payment": [{"amount": 12.5, "paymentType": "Cash"}],
    "buyerId": "10:100181732",
    "referentDocumentNumber": f"{UID}-{UID}-1",
    "referentDocumentDT": "2026-05-01T10:00:00Z",
    "items": [
        {"name": "Млеко", "quantity": 2, "unitPrice": 5, "labels": ["A"], "totalAmount": 10},
        {"name": "Rum", "quantity": 1.5, "unitPrice": 1, "labels": ["P", "Ж"], "totalAmount": 2.5},
    ],
}
OPTIONAL = {
    "cashier": "Ana",
    "invoiceNumber": "1/1.0",
    "dateAndTimeOfIssue": "2026-06-01T12:00:00",
    "options": {"omitQRCodeGen": "1"},
    "buyerCostCenterId": None,
    "hash": "d41d8cd98f00b204e9800998ecf8427e",
    "print": True,
    "email": None,
}
FORMS: dict[str, list[Any]] = {
    "invoiceType": ["Normal", "normal", "NORMAL", 0, "0"],
    "transactionType": ["Refund", "refund", 1, "1"],
}


def known() -> Facts:
    card = CardFacts(
        uid=Uid(UID),
        seller=seller(),
        environment="1.9",
        api_url="https://localhost/",
        not_before=START,
        not_after=START.replace(year=2030),
        version=(3, 2, 8),
        tax_core_key=calm_country().pki.public_key("package"),
        signing_key=rsa_key(0).public,
    )
    setup = build_setup({command.type: command.payload for command in setup_commands()}, LANGUAGES, "UTC")
    return Facts(card=card, setup=setup, mrc="99-0100-" + UID)


FACTS = known()


def intent_of(body: bytes) -> Intent:
    need = next(fiscalise(Order(body=body), FACTS, FRESH, START, EsdcSettings()))
    assert isinstance(need, KeepIntent)
    return need.intent


EXPECTED = intent_of(json.dumps(WHOLE).encode())


def recased(value: Any, change: Callable[[str], str]) -> Any:
    """The same value with every key in another letter case."""
    if isinstance(value, dict):
        return {change(key): recased(member, change) for key, member in value.items()}
    return [recased(one, change) for one in value] if isinstance(value, list) else value


CASES: list[Callable[[str], str]] = [str, str.lower, str.upper, lambda key: key[:1].upper() + key[1:], str.swapcase]


@given(
    forms=st.fixed_dictionaries({key: st.sampled_from(values) for key, values in FORMS.items()}),
    payment_type=st.sampled_from(["Cash", "cash", 1, "1"]),
    extra=st.lists(st.sampled_from(sorted(OPTIONAL)), unique=True),
    label=st.sampled_from(["A", "a"]),
    case=st.sampled_from(CASES),
    order=st.randoms(use_true_random=False),
    ascii_only=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
@settings(max_examples=200, deadline=None)
def test_any_key_case_subset_and_enum_form_gives_the_same_signed_bytes(
    forms: dict[str, Any],
    payment_type: Any,
    extra: list[str],
    label: str,
    case: Callable[[str], str],
    order: Any,
    ascii_only: bool,
    mark: bytes,
) -> None:
    """Checklist 3: what optional keys are there, how keys and enumerations are written, changes no signed byte."""
    first, second = WHOLE["items"]
    request = {
        **WHOLE,
        **forms,
        "payment": [{"amount": 12.5, "paymentType": payment_type}],
        "items": [{**first, "labels": [label, label]}, second],
        **{key: OPTIONAL[key] for key in extra},
    }
    members = list(request.items())
    order.shuffle(members)
    body = mark + json.dumps(recased(dict(members), case), ensure_ascii=ascii_only).encode()
    intent = intent_of(body)
    assert intent.sign_request == EXPECTED.sign_request
    assert intent.taxes == EXPECTED.taxes


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_no_body_makes_anything_but_a_coded_refusal(body: bytes) -> None:
    with pytest.raises(PosFault):
        intent_of(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(WHOLE)), inner, max_size=6),
    max_leaves=12,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(WHOLE)), JSON, max_size=3))
@settings(max_examples=300, deadline=None)
def test_no_member_makes_anything_but_an_intent_or_a_coded_refusal(changes: dict[str, Any]) -> None:
    codes: list[str] = []
    try:
        intent = intent_of(json.dumps(WHOLE | changes).encode())
    except PosFault as refusal:
        codes = [error.code for error in refusal.errors]
    else:
        codes = ["0000"] if len(intent.sign_request) >= 58 else []
    assert codes
    assert all(len(code) == 4 for code in codes)


TAXES = st.builds(
    TaxItem,
    label=st.text(min_size=1, max_size=3),
    category_name=st.text(max_size=20),
    category_type=st.sampled_from(TaxCategoryType),
    category_order_id=st.integers(0, 255),
    rate=st.integers(0, 10**14).map(Rate),
    amount=st.integers(-(10**17), 10**17).map(Money),
)


@given(taxes=st.lists(TAXES, max_size=12).map(tuple))
def test_taxes_come_back_from_the_intent_as_they_were(taxes: tuple[TaxItem, ...]) -> None:
    assert read_taxes(write_taxes(taxes)) == taxes


@given(header=st.text(max_size=80))
def test_any_language_header_chooses_a_supported_language_or_none(header: str) -> None:
    supported = ("sr-Cyrl-RS", "en-US")
    try:
        assert choose_language(header, supported) in supported
    except LanguageNotOffered:
        assert header


@given(sales=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_run_of_repeats_counts_each_request_once(
    sales: list[str | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    bench = Bench(tmp_path_factory.mktemp("run"))
    device = bench.ready()
    answers: dict[str | None, bytes] = {}
    signed = 0
    for name in sales:
        body = json.dumps({**WHOLE, "cashier": name}).encode()
        sold = device.sell(Order(body=body, request_id=name))
        if name is not None and name in answers:
            assert sold.answer == answers[name]
        else:
            signed += 1
            assert sold.signed is not None
            assert sold.signed.total_counter == signed
        answers[name] = sold.answer
    bench.close()


def test_the_reader_may_be_used_by_a_hand_while_the_device_works(tmp_path: Any) -> None:
    """Insertion and removal come from another thread; whatever happens is a code, and numbers have no gap."""
    bench = Bench(tmp_path)
    device = bench.ready()
    stop = threading.Event()

    def hand() -> None:
        while not stop.wait(0.005):
            bench.reader.remove()
            bench.reader.insert(bench.card)

    moving = threading.Thread(target=hand)
    moving.start()
    body = json.dumps(WHOLE).encode()
    seen: set[str] = set()
    for number in range(60):
        try:
            device.verify_pin("2017")
            device.sell(Order(body=body, request_id=str(number)))
        except PosFault as refusal:
            seen |= {error.code for error in refusal.errors}
    stop.set()
    moving.join()
    assert seen <= {"1300", "2220", "1500"}
    device.refresh()
    device.verify_pin("2017")
    device.sell(Order(body=body))
    assert device.session is not None
    ordinals = [ordinal for ordinal, _ in device.session.store.waiting(200)]
    assert ordinals == list(range(1, len(ordinals) + 1))
    last = device.session.card.last_signed_invoice()
    assert last is not None
    assert last.total_counter == len(ordinals)
    bench.close()


OPTIONAL_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "dateAndTimeOfIssue": st.sampled_from(["2026-06-01T12:00:00", "2026-06-01T12:00:00+0200", "2026-06-01"]),
    "cashier": st.sampled_from(["Ana", 17]),
    "invoiceNumber": st.sampled_from(["", "1/1.0"]),
    "buyerCostCenterId": st.just("20:77"),
    "options": st.sampled_from([{}, {"omitQRCodeGen": 1}, {"omitTextualRepresentation": "0", "omitQRCodeGen": None}]),
}
"""Optional members that reach no signed byte."""


def forms_of(forms: EnumerationForms[Any], member: Any) -> st.SearchStrategy[Any]:
    """Number, number as text, name in any case, letter by letter."""
    name = forms.names[member]
    cases = st.lists(st.booleans(), min_size=len(name), max_size=len(name))
    mixed = cases.map(lambda up: "".join(c.upper() if u else c.lower() for c, u in zip(name, up, strict=True)))
    return st.one_of(st.just(int(member)), st.just(str(int(member))), st.just(name), mixed)


def letters_recased(draw: st.DrawFn, value: Any) -> Any:
    """Every key in a letter case of its own."""
    if isinstance(value, dict):
        changed = {}
        for key, member in value.items():
            changed[draw(st.sampled_from(CASES))(key)] = letters_recased(draw, member)
        return changed
    return [letters_recased(draw, one) for one in value] if isinstance(value, list) else value


@st.composite
def sales_in_two_forms(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """The same sale as plainly as can be, and as some client may write it."""
    kind, direction = draw(st.sampled_from(InvoiceType)), draw(st.sampled_from(TransactionType))
    paid = draw(st.sampled_from(PaymentType))
    item = {"name": "Rum", "quantity": 1.5, "unitPrice": 1, "labels": ["P", "Ж"], "totalAmount": 2.5}
    plain: dict[str, Any] = {
        "invoiceType": int(kind),
        "transactionType": int(direction),
        "payment": [{"amount": 2.5, "paymentType": int(paid)}],
        "items": [item],
    }
    buyer = draw(st.sampled_from([None, "10:100181732"]))
    if kind is InvoiceType.COPY or direction is TransactionType.REFUND:
        plain["referentDocumentNumber"] = f"{UID}-{UID}-1"
        plain |= draw(st.sampled_from([{}, {"referentDocumentDT": "2026-05-01T10:00:00Z"}]))
    if buyer is not None:
        plain["buyerId"] = buyer
    written = {
        **plain,
        "invoiceType": draw(forms_of(INVOICE_TYPES, kind)),
        "transactionType": draw(forms_of(TRANSACTION_TYPES, direction)),
        "payment": [{"amount": 2.5, "paymentType": draw(forms_of(PAYMENT_TYPES, paid))}],
        "items": [{**item, "labels": draw(st.permutations(["p", "Ж", "ж", "P"])), **draw(GTINS)}],
    }
    for key, values in OPTIONAL_VALUES.items():
        if key == "buyerCostCenterId" and buyer is None:
            values = st.none()
        written |= draw(given_as(draw(st.sampled_from(["absent", "null", "there"])), key, values))
    if buyer is None:
        written |= draw(st.sampled_from([{}, {"buyerId": None}]))
    if "referentDocumentNumber" not in plain:
        written |= draw(st.sampled_from([{}, dict.fromkeys(("referentDocumentNumber", "referentDocumentDT"), "")]))
    members = draw(st.permutations(list(written.items())))
    return json.dumps(plain).encode(), json.dumps(letters_recased(draw, dict(members))).encode()


GTINS: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"gtin": None}, {"gtin": "12345670"}])


def given_as(how: str, key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A member that is absent, null, or there."""
    return {"absent": st.just({}), "null": st.just({key: None})}.get(how, values.map(lambda value: {key: value}))


@given(forms=sales_in_two_forms())
@settings(max_examples=300, deadline=None)
def test_s2_028_whatever_the_form_the_card_gets_the_same_bytes(forms: tuple[bytes, bytes]) -> None:
    """Checklist 3: all types and payments, any subset of optional keys, null or absent, any key case and enum form."""
    plain, written = map(intent_of, forms)
    assert written.sign_request == plain.sign_request
    assert written.taxes == plain.taxes
    assert written.group_id == plain.group_id
