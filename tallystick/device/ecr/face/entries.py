"""What the till's forms do. Each takes the fields of its form and gives where to go; refusals are coded faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote

import attrs

from tallystick.device.ecr.basket import Basket, BasketFile
from tallystick.device.ecr.catalogue import Catalogue
from tallystick.device.ecr.orders import CloseShift, Correct, Line, OpenShift, Order, Refund, ReportX
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.device.ecr.register import Register
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import ZERO_MONEY, Money, Quantity
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.shifts import PAYMENT_WORDS

_PAYMENTS = {word: kind for kind, word in PAYMENT_WORDS.items()}
_ONE = 1_000
_AMOUNT_CHARACTERS = 18
_QUANTITY_MOST = 10**9
_COUNT_DIGITS = 6
_MARKS = "*x×"
_FATE_OPEN, _NAME_USED = "TS-3251", "TS-3253"
Form = Mapping[str, str]


class Entries:
    """Over one register and its basket; called by one form at a time."""

    def __init__(self, register: Register, basket: BasketFile, catalogue: Catalogue) -> None:
        self._register = register
        self._file = basket
        self._catalogue = catalogue
        self.forms: dict[str, Callable[[Form], str]] = {
            "/register": self._register_it,
            "/shift/open": self._open,
            "/shift/x": self._report,
            "/shift/close": self._close,
            "/scan": self._scan,
            "/free": self._free,
            "/line": self._line,
            "/pay": self._pay,
            "/pay/again": self._again,
            "/back": self._back,
            "/correct": self._correct,
            "/link": self._link,
        }

    # The shift

    def _register_it(self, form: Form) -> str:
        return self._issued(form.get("request", ""), RegisterOrder(), "registered", where="/")

    def _open(self, form: Form) -> str:
        cashier = form.get("cashier", "").strip()[: LIMITS.cashier_characters]
        order = OpenShift(cash=self._amount(form, "cash"), cashier=cashier)
        where = self._issued(form.get("request", ""), order, "opened", where="/")
        self._file.keep(attrs.evolve(self._file.basket, cashier=cashier))
        return where

    def _report(self, form: Form) -> str:
        return self._issued(form.get("request", ""), ReportX(), "reported")

    def _close(self, form: Form) -> str:
        if self._file.basket.lines:
            raise _wrong("/basket", "a basket is open: sell it or empty it first")
        return self._issued(form.get("request", ""), CloseShift(), "closed")

    # The basket

    def _scan(self, form: Form) -> str:
        """A code, or a number of them and the code, as ``3*4006381333931``; else a part of a name to look for."""
        entered = form.get("code", "").strip()
        count, code = _ONE, entered
        product = self._catalogue.find(code)
        if product is None:
            count, code = _counted(entered)
            product = self._catalogue.find(code)
        if product is None:
            found_some = self._catalogue.search(code, 1) if code else []
            return f"/?q={quote(code[:80])}" + ("" if found_some else "&m=unknown")
        line = Line(
            name=product.name,
            quantity=Quantity(count),
            price=product.price,
            labels=(product.label,),
            gtin=product.gtin,
        )
        self._add(line)
        return "/"

    def _free(self, form: Form) -> str:
        name = form.get("name", "").strip()[: LIMITS.item_name_characters]
        if not name or not form.get("label"):
            raise _wrong("/name", "a line has a name and a label")
        line = Line(
            name=name,
            quantity=number(form, "quantity", "1"),
            price=self._amount(form, "price"),
            labels=(form["label"][:8],),
        )
        self._add(line)
        return "/"

    def _add(self, line: Line) -> None:
        basket = self._changeable()
        if line.quantity.scaled <= 0 or line.quantity.scaled > _QUANTITY_MOST or basket.is_full:
            raise _wrong("/quantity", "a quantity above nothing, and room on the receipt")
        self._file.keep(basket.plus(line))

    def _line(self, form: Form) -> str:
        basket = self._changeable()
        place, change = _whole(form, "place"), form.get("change", "")
        if 0 <= place < len(basket.lines):
            now = basket.lines[place].quantity.scaled
            step = {"1": _ONE, "-1": -_ONE}.get(change)
            self._file.keep(basket.with_quantity(place, 0 if step is None else now + step))
        return "/"

    def _changeable(self) -> Basket:
        basket = self._file.basket
        if basket.paid:
            raise Fault(_FATE_OPEN, detail="the payment that was tried has no answer yet")
        return basket

    # Payment

    def _pay(self, form: Form) -> str:
        basket = self._changeable()
        if not basket.lines:
            raise _wrong("/basket", "nothing is in the basket")
        kind = _PAYMENTS.get(form.get("kind", ""))
        if kind is None:
            raise _wrong("/kind", "no such payment")
        self._file.keep(attrs.evolve(basket, paid=(Payment(self._amount(form, "amount"), kind),)))
        return self._sell()

    def _again(self, form: Form) -> str:
        if not self._file.basket.paid:
            return "/"
        return self._sell()

    def _sell(self) -> str:
        """The basket stays as it is until the answer is there; a refusal opens it again, an open fate does not."""
        basket = self._file.basket
        try:
            where = self._issued(basket.request_id, basket.order(basket.paid), "sold")
        except Fault as fault:
            if fault.code == _NAME_USED:
                self._file.keep(basket.renamed())
            elif fault.code != _FATE_OPEN and self._is_settled():
                self._file.keep(basket.opened())
            raise
        self._file.keep(basket.emptied())
        return where

    def _is_settled(self) -> bool:
        """Whether nothing is signed whose fate is not known, whatever the fault said: it might be this sale."""
        try:
            return self._register.is_idle()
        except Fault:
            return False

    # After a sale

    def _back(self, form: Form) -> str:
        sequence = _whole(form, "sequence")
        original = self._register.original(sequence)
        if original is None:
            raise Fault("TS-3255", detail="no such sale")
        setup = self._register.setup
        lines: tuple[Line, ...] = ()
        due = original.sale.total
        if not form.get("all"):
            lines = tuple(
                [
                    Line(name=item.name, quantity=back, price=item.unit_price, labels=item.labels, gtin=item.gtin)
                    for place, item in enumerate(original.sale.items)
                    if (back := number(form, f"q{place}", "0")).scaled > 0
                ]
            )
            if not lines:
                raise _wrong("/lines", "say what comes back")
            due = Money(sum(setup.price(line.price, line.quantity).scaled for line in lines))
        order = Refund(
            original=SdcInvoiceNumber(setup.uid, setup.uid, sequence),
            payments=(self._paid_by(form, due),),
            lines=lines,
            cashier=self._file.basket.cashier,
        )
        return self._issued(form.get("request", ""), order, "given_back")

    def _correct(self, form: Form) -> str:
        sequence = _whole(form, "sequence")
        setup = self._register.setup
        price = self._amount(form, "price")
        reason = form.get("reason", "").strip()
        if not reason or not form.get("name", "").strip():
            raise _wrong("/reason", "say what is corrected, and why")
        line = Line(
            name=form["name"].strip()[: LIMITS.item_name_characters],
            quantity=Quantity(_ONE),
            price=price,
            labels=(form.get("label", "")[:8],),
        )
        order = Correct(
            original=SdcInvoiceNumber(setup.uid, setup.uid, sequence),
            direction=TransactionType.REFUND if form.get("direction") == "down" else TransactionType.SALE,
            lines=(line,),
            payments=(self._paid_by(form, setup.price(price, line.quantity)),),
            reason=reason[:200],
            cashier=self._file.basket.cashier,
        )
        return self._issued(form.get("request", ""), order, "corrected")

    @staticmethod
    def _paid_by(form: Form, due: Money) -> Payment:
        kind = _PAYMENTS.get(form.get("kind", ""))
        if kind is None:
            raise _wrong("/kind", "no such payment")
        return Payment(due, kind)

    def _link(self, form: Form) -> str:
        sequence = _whole(form, "sequence")
        by = "sms" if form.get("by") == "sms" else "email"
        self._register.send_link(sequence, by, form.get("to", "").strip()[:254])
        return f"/receipt/{sequence}?m=link_sent"

    def _amount(self, form: Form, name: str) -> Money:
        return amount(form, name, self._register.setup.currency_places)

    def _issued(self, request_id: str, order: Order, message: str, *, where: str = "") -> str:
        answer = json.loads(self._register.issue(request_id, repr(order).encode(), order))
        return f"{where or '/receipt/' + answer['sequence']}?m={message}"


def _counted(entered: str) -> tuple[int, str]:
    """How many (in thousandths) and of what; one where no number stands before a mark. Raises ``TS-1220``."""
    for mark in _MARKS:
        before, found, after = (one.strip() for one in entered.partition(mark))
        if found and after and before.isascii() and before.isdigit():
            if len(before) > _COUNT_DIGITS:
                raise _wrong("/code", "a quantity above nothing, and room on the receipt")
            return int(before) * _ONE, after
    return _ONE, entered


def amount(form: Form, name: str, places: int) -> Money:
    """An amount as people write it, with a comma or a point; raises ``TS-1220``.

    Not with more decimals than the currency has: where a point groups thousands, ``1.234`` is not one and a quarter.
    """
    found = Money.of(_decimal(form, name))
    if found < ZERO_MONEY or found.scaled % 10 ** (Money.places - places):
        raise _wrong(f"/{name}", f"an amount with at most {places} decimals")
    return found


def number(form: Form, name: str, default: str) -> Quantity:
    """A quantity as people write it; raises ``TS-1220``."""
    return Quantity.of(_decimal(form, name, default))


def _decimal(form: Form, name: str, default: str = "") -> str:
    text = form.get(name, default).strip().replace(" ", "").replace("\u00a0", "")
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    if not text or len(text) > _AMOUNT_CHARACTERS or not set(text) <= set("0123456789."):
        raise _wrong(f"/{name}", "write a number with digits and one mark")
    digits = text.lstrip("0")  # somebody types behind the nought that stood there
    return digits if digits[:1].isdigit() else f"0{digits}"


def _whole(form: Form, name: str) -> int:
    text = form.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise _wrong(f"/{name}", "not a number of this page")
    return int(text)


def _wrong(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
