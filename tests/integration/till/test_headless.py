"""The register for programs over real sockets: orders, refusals, and what a broken line leaves (S0-054, S0-063)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from till_authority import Authority
from till_bench import Bench, sale, without_flushes
from till_live import LiveRegister, http_authority

from tallystick.device.ecr.channel import HttpChannel
from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, Refused
from tallystick.device.ecr.order_json import read_order
from tallystick.kernel.faults import Fault

SALE = {
    "order": "sell",
    "lines": [{"name": "Bread", "price": "12.50", "labels": ["A"], "quantity": "2"}],
    "payments": [{"kind": "cash", "amount": "30"}],
}


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegister]:
    running = LiveRegister(Bench(tmp_path_factory.mktemp("till")))
    yield running
    running.close()


def order(live: LiveRegister, name: str, body: Any) -> tuple[int, Any]:
    return live.call("POST", "/v1/orders", body, Request_Id=name)


def test_s0_054_a_program_sells_and_the_same_request_is_one_sale(live: LiveRegister) -> None:
    assert order(live, "reg", {"order": "register"})[0] == 200
    assert order(live, "open", {"order": "open-shift", "cash": "50", "cashier": "Ana"})[0] == 200
    status, answer = order(live, "s1", SALE)
    assert (status, answer["total"], answer["change"]) == (200, "25.00", "5.00")
    assert order(live, "s1", SALE) == (200, answer)
    assert live.call("GET", f"/v1/documents/{answer['sequence']}") == (200, answer)
    back = {"order": "refund", "original": answer["number"], "payments": [{"kind": "cash", "amount": "25"}]}
    assert order(live, "r1", back)[1]["operation"] == "refund"
    assert order(live, "r2", back)[1]["code"] == "TS-3256"
    down = {
        "order": "correct",
        "original": answer["number"],
        "direction": "up",
        "lines": [{"name": "Bread", "price": "0.50", "labels": ["A"]}],
        "payments": [{"kind": "cash", "amount": "0.50"}],
        "reason": "price was wrong",
    }
    assert order(live, "c1", down)[1]["kind"] == "correction"
    assert order(live, "x", {"order": "x-report"})[1]["kind"] == "settlement-status"
    told = live.call("GET", "/v1/status")[1]
    assert (told["documents"], told["shift"]["state"], told["waiting"]) == ("6", "open", "0")
    assert live.call("POST", f"/v1/documents/{answer['sequence']}/link", {"by": "sms", "to": "+381600000"})[0] == 200
    assert live.bench.authority.links == [(answer["number"], "sms", "+381600000")]


@pytest.mark.parametrize(
    ("path", "body", "headers", "code"),
    [
        ("/v1/orders", SALE, {}, "TS-1220"),
        ("/v1/orders", SALE, {"Request_Id": "a", "Content_Type": "text/plain"}, "TS-1002"),
        ("/v1/orders", {"order": "gift"}, {"Request_Id": "b"}, "TS-1220"),
        ("/v1/orders", SALE | {"payments": []}, {"Request_Id": "c"}, "TS-1220"),
        ("/v1/orders", SALE | {"extra": "1"}, {"Request_Id": "d"}, "TS-1220"),
        ("/v1/orders", "x" * 300_000, {"Request_Id": "e"}, "TS-1003"),
        ("/v1/orders", SALE, {"Request_Id": "f", "Authorization": "Bearer no"}, "TS-3133"),
        ("/v1/orders", SALE, {"Request_Id": "g", "Host": "evil.example:80"}, "TS-3133"),
        ("/v1/nothing", SALE, {"Request_Id": "h"}, "TS-1001"),
        ("/v1/documents/9x/link", {"by": "sms", "to": "1"}, {}, "TS-3255"),
    ],
)
def test_bad_input_is_a_coded_problem_and_changes_nothing(
    live: LiveRegister, path: str, body: Any, headers: dict[str, str], code: str
) -> None:
    before = live.bench.documents
    status, problem = live.call("POST", path, body, **headers)
    assert (status >= 400, problem["code"]) == (True, code)
    assert live.bench.documents == before


def test_the_http_channel_tells_not_sent_from_no_answer_and_from_a_refusal(tmp_path: Path) -> None:
    """A fate is open exactly where something may have been taken."""
    authority = Authority()
    bench = Bench(tmp_path, authority=authority).opened()
    bench.do("a", sale())
    compact = authority.booked[-1].compact
    wrongs = iter(["before", "after", "html", "other", "", ""])
    with http_authority(authority, lambda call: next(wrongs)) as address:
        channel = HttpChannel(address, None)
        for kind in (NoAnswer, NoAnswer, NoAnswer, Disagrees):
            with pytest.raises(kind):
                channel.send(compact)
        assert channel.send(compact).log_index == 2
        assert channel.look().checkpoint == b"small.example/log\n1\n\n"
        authority.booked.clear()
        with pytest.raises(Refused) as refused:
            channel.send(compact)
        assert refused.value.fault.code == "TS-1402"
        assert refused.value.fault.expected["ts-seq"] == "1"
        channel.close()
    with pytest.raises(NotSent):
        channel.send(compact)


def test_a_register_over_http_survives_a_line_that_breaks(tmp_path: Path) -> None:
    authority = Authority()
    wrongs = {2: "before", 4: "after", 7: "html"}
    with http_authority(authority, lambda call: wrongs.get(call, "")) as address:
        channel = HttpChannel(address, None)
        bench = Bench(tmp_path, authority=channel)  # type: ignore[arg-type]
        answers = []
        for name, one in (("reg", {"order": "register"}), ("open", {"order": "open-shift"}), ("s", SALE), ("t", SALE)):
            answers.append(json.loads(_until_answered(bench, name, one)))
        assert [one["sequence"] for one in answers] == ["1", "2", "3", "4"]
        assert [one.compact for one in authority.booked] == bench.documents
        assert bench.register.status().state == authority.state
        channel.close()


def _until_answered(bench: Bench, name: str, body: dict[str, Any]) -> bytes:
    contents = json.dumps(body).encode()
    while True:
        try:
            return bench.register.issue(name, contents, read_order(contents))
        except Fault as fault:
            if fault.code != "TS-3251":
                raise
