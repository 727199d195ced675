"""The basket of a till and the fate of its sale: it opens again only when nothing may have come of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from till_authority import Authority
from till_bench import Bench, sale, without_flushes

from tallystick.device.ecr.basket import BasketFile
from tallystick.device.ecr.catalogue import Catalogue, read_catalogue
from tallystick.device.ecr.channel import Booked
from tallystick.device.ecr.face.entries import Entries
from tallystick.device.ecr.needs import Disagrees
from tallystick.kernel.faults import Fault

LINE = {"name": "Bread", "price": "2", "label": "A", "quantity": "1"}
CASH = {"kind": "cash", "amount": "2"}


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


class Contradicting(Authority):
    """Books, and answers about something else when it is told to."""

    contradicts = False

    def send(self, compact: bytes) -> Booked:
        booked = super().send(compact)
        if self.contradicts:
            raise Disagrees("the authority answered for another document")
        return booked


def till(bench: Bench) -> tuple[Entries, BasketFile]:
    file = BasketFile(bench.folder)
    return Entries(bench.register, file, Catalogue()), file


def refusal(entries: Entries, path: str, form: dict[str, str]) -> str:
    with pytest.raises(Fault) as caught:
        entries.forms[path](form)
    return caught.value.code


def test_a_basket_stays_shut_while_its_sale_may_be_booked_whatever_the_fault_says(tmp_path: Path) -> None:
    """A stop with a document in hand: changed and paid again it would be a second sale, or none for ever."""
    authority = Contradicting()
    bench = Bench(tmp_path, authority=authority).opened()
    entries, file = till(bench)
    entries.forms["/free"](LINE)
    authority.contradicts = True
    assert refusal(entries, "/pay", CASH) == "TS-3252"
    assert file.basket.paid
    assert refusal(entries, "/free", LINE) == "TS-3251"
    authority.contradicts = False
    bench.register.lift_stop()
    assert entries.forms["/pay/again"]({}) == "/receipt/3?m=sold"
    assert not file.basket.lines
    assert len(authority.booked) == 3


def test_a_basket_whose_name_is_another_sales_gets_a_name_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    entries, file = till(bench)
    entries.forms["/free"](LINE)
    bench.do(file.basket.request_id, sale())
    assert refusal(entries, "/pay", CASH) == "TS-3253"
    assert entries.forms["/pay"](CASH) == "/receipt/4?m=sold"


def test_a_refused_sale_opens_its_basket_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    entries, _ = till(bench)
    entries.forms["/free"](LINE)
    assert refusal(entries, "/pay", CASH | {"amount": "1"}) == "TS-3254"
    entries.forms["/free"](LINE)
    assert entries.forms["/pay"](CASH | {"amount": "4"}) == "/receipt/3?m=sold"


def test_a_code_is_taken_before_a_number_of_something_and_no_number_is_cut_short(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    file = BasketFile(bench.folder)
    goods = b"code,name,price,label\n12x34,Screws,1,A\n34,Nails,2,A\n"
    entries = Entries(bench.register, file, read_catalogue(goods))
    entries.forms["/scan"]({"code": "12x34"})
    entries.forms["/scan"]({"code": " 3 x 34 "})
    assert [(one.name, str(one.quantity)) for one in file.basket.lines] == [("Screws", "1.000"), ("Nails", "3.000")]
    assert refusal(entries, "/scan", {"code": "1234567*34"}) == "TS-1220", "not 123,456 of it"
    assert len(file.basket.lines) == 2
