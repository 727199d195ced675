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

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, str, str]:
        """Status, where to go, and the page."""
        host = f"127.0.0.1:{self.live.running.till_port}"
        connection = http.client.HTTPConnection(host, timeout=20)
        told = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/x-www-form-urlencoded"}
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
