"""The till's pages without a browser: long receipts, and addresses that no page of ours names."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import attrs
import pytest
from till_bench import Bench
from till_live import LiveRegister

from tallystick.wire.national_members import ITEMS_MAX


@attrs.define
class Page:
    """Whoever sits at the till."""

    live: LiveRegister

    def ask(self, method: str, path: str, body: str = "", site: str = "same-origin") -> tuple[int, str, str]:
        """Status, where to go, and the page."""
        host = f"127.0.0.1:{self.live.running.till_port}"
        connection = http.client.HTTPConnection(host, timeout=20)
        told = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/x-www-form-urlencoded"}
        told["Sec-Fetch-Site"] = site
        connection.request(method, path, body or None, told)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("location", ""), content

    def send(self, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
        """Fill in a form of the page."""
        _, _, page = self.ask("GET", "/")
        [token] = set(re.findall(r'name="token" value="([^"]+)"', page))
        return self.ask("POST", path, urlencode(fields | {"token": token}))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRegister]:
    register = LiveRegister(Bench(tmp_path))
    yield register
    register.close()


@pytest.fixture
def serbian(tmp_path: Path) -> Iterator[LiveRegister]:
    register = LiveRegister(Bench(tmp_path, languages=("sr-Latn-RS", "en-US", "sr-latn-rs")))
    yield register
    register.close()


def sell(live: LiveRegister, lines: int) -> str:
    """A receipt of so many lines; its number in the sequence."""
    said = {
        "order": "sell",
        "lines": [{"name": f"Goods {n}", "price": "1", "quantity": "1", "labels": ["A"]} for n in range(lines)],
        "payments": [{"kind": "cash", "amount": str(lines)}],
        "cashier": "Ana",
    }
    status, answer = live.call("POST", "/v1/orders", said, Request_Id="long")
    assert status == 200, answer
    return str(answer["sequence"])


def test_s0_056_one_thing_of_the_longest_receipt_comes_back_at_the_till(live: LiveRegister) -> None:
    page = Page(live)
    assert page.send("/register", {"request": "r"})[0] == 303
    assert page.send("/shift/open", {"request": "o", "cash": "0", "cashier": "Ana"})[1] == "/?m=opened"
    sequence = sell(live, ITEMS_MAX)
    _, _, shown = page.ask("GET", f"/back/{sequence}")
    names = re.findall(r'name="(q\d+)"', shown)
    assert len(names) == ITEMS_MAX
    fields = dict.fromkeys(names, "0,000000000000000") | {names[-1]: "1", "sequence": sequence}
    status, where, _ = page.send("/back", fields | {"request": "back", "kind": "cash"})
    assert (status, where) == (303, f"/receipt/{int(sequence) + 1}?m=given_back")


def test_ts_3255_a_report_has_no_code(live: LiveRegister) -> None:
    page = Page(live)
    page.send("/register", {"request": "r"})
    status, _, shown = page.ask("GET", "/code/1.gif")
    assert (status, "TS-3255" in shown) == (404, True)


def test_a_receipt_that_nobody_took_is_not_seen_by_a_page_elsewhere(live: LiveRegister) -> None:
    """A GET of another page's picture or frame changes nothing here."""
    page, bench = Page(live), live.bench
    page.send("/register", {"request": "r"})
    page.send("/shift/open", {"request": "o", "cash": "0", "cashier": "Ana"})
    bench.authority.lost_answers = 1
    live.running.background.stop()
    said = {
        "order": "sell",
        "lines": [{"name": "Bread", "price": "1", "labels": ["A"]}],
        "payments": [{"kind": "cash", "amount": "1"}],
    }
    status, answer = live.call("POST", "/v1/orders", said, Request_Id="lost")
    assert (status, answer["code"]) == (503, "TS-3251")
    assert bench.register.settle()
    assert page.ask("GET", "/receipt/3", site="cross-site")[0] == 200
    assert bench.register.status().late == 1
    assert page.ask("GET", "/receipt/3", site="same-origin")[0] == 200
    assert bench.register.status().late == 0


def test_a_refused_form_goes_back_to_a_page_of_ours(live: LiveRegister) -> None:
    page = Page(live)
    page.send("/register", {"request": "r"})
    status, where, _ = page.send("/back", {"request": "b", "sequence": "//evil.example/\r\nSet-Cookie: a=b"})
    assert status == 303
    assert re.fullmatch(r"/back/[0-9]*\?f=[0-9a-f]{16}", where)


def test_more_decimals_than_the_currency_has_are_no_amount(live: LiveRegister) -> None:
    """Where a point groups thousands, somebody will type one: 1.234 is not 1.23."""
    page = Page(live)
    page.send("/register", {"request": "r"})
    assert "m=opened" not in page.send("/shift/open", {"request": "o", "cash": "1.234", "cashier": "Ana"})[1]
    assert page.send("/shift/open", {"request": "o", "cash": "01,20", "cashier": "Ana"})[1] == "/?m=opened"
    assert str(live.bench.register.status().state.cash) == "1.2000", "typed behind the nought that stood there"
    sold = {"name": "Bread", "price": "1.234", "label": "A", "quantity": "1"}
    assert "?f=" in page.send("/free", sold)[1]
    assert page.send("/free", sold | {"price": "1.2"})[1] == "/"


def test_a_page_writes_amounts_and_troubles_as_its_language_does(serbian: LiveRegister) -> None:
    page = Page(serbian)
    page.send("/register", {"request": "r"})
    page.send("/shift/open", {"request": "o", "cash": "100", "cashier": "Ana"})
    page.send("/free", {"name": "Hleb", "price": "1200,5", "label": "A", "quantity": "1"})
    _, _, basket = page.ask("GET", "/")
    assert re.findall(r'name="amount" value="([^"]*)" inputmode', basket) == ["1200,50"]
    assert basket.count('hreflang="sr-Latn-RS"') == 1
    status, where, _ = page.send("/pay", {"kind": "cash", "amount": "3000,00"})
    assert (status, where) == (303, "/receipt/3?m=sold")
    _, _, receipt = page.ask("GET", "/receipt/3")
    assert "Povraćaj: 1.799,50 XTS" in receipt
    _, _, listed = page.ask("GET", "/documents")
    assert "<b>1.200,50</b>" in listed
    status, _, trouble = page.ask("GET", "/nothing")
    assert (status, "Nema takve strane." in trouble) == (404, True)


def test_s1_027_a_receipt_offers_what_can_be_done_with_it(live: LiveRegister) -> None:
    page = Page(live)
    page.send("/register", {"request": "r"})
    page.send("/shift/open", {"request": "o", "cash": "100", "cashier": "Ana"})
    sequence = sell(live, 2)
    _, _, form = page.ask("GET", f"/back/{sequence}")
    assert re.findall(r'name="(\w+)"[^>]*autofocus', form) == ["q0"], "the keyboard is where the work is"
    page.send("/back", {"request": "b", "kind": "cash", "sequence": sequence, "all": "1"})
    _, _, form = page.ask("GET", "/correct/4")
    assert re.findall(r'name="(\w+)"[^>]*autofocus', form) == ["name"]
    said = {"kind": "cash", "name": "Goods", "price": "1", "label": "A", "reason": "forgotten", "direction": "up"}
    assert page.send("/correct", said | {"request": "c", "sequence": "4"})[1] == "/receipt/5?m=corrected"
    offered = {n: re.findall(r'href="/(back|correct)/', page.ask("GET", f"/receipt/{n}")[2]) for n in (3, 4, 5)}
    assert offered == {3: ["correct"], 4: ["correct"], 5: []}, "nothing is left of it; a refund; a correction"
    _, _, listed = page.ask("GET", "/documents")
    assert "FISCAL RECEIPT: REFUND" in listed
