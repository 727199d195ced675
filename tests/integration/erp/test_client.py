"""The reference client against the real channel: it repeats after every crash, and no act is booked twice."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from ecr_till import Till
from erp_bench import ErpBench
from national_bench import PACK
from stranger import Stranger
from stranger_papers import papers_folder
from stranger_walks import day_on_line, erp_documents
from tallystick_erp import Away, Connection, KeyTaken, Lost, Refused, closing, opening, receipt, registration, taxes_of
from tallystick_erp.faults import ErpError
from tallystick_erp.transport import Transport

from benchmarks.package_maker import rate_group
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.device_policy import DeviceClass, DeviceState

RATES = {"A": "20"}
GUIDE = Path("docs/guides/erp.md")


class PowerCut(BaseException):
    """The program ends here."""


@pytest.fixture
def till(bench: ErpBench) -> Till:
    return bench.device()


@pytest.fixture
def open_client(bench: ErpBench, till: Till, tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "device.key").write_bytes(PrivateKey(till.papers.device.key).pem)
    (tmp_path / "device.pem").write_bytes(pem_of(till.papers.certificate))
    opened: list[Connection] = []

    def open_it(store: str = "erp.sqlite") -> Connection:
        for one in opened:
            one.close()
        client = Connection(
            f"https://127.0.0.1:{bench.door.port}", tmp_path / "device.key", tmp_path / "device.pem",
            bench.door.pki.files.root, tmp_path / store, build=till.papers.build,
        )  # fmt: skip
        opened.append(client)
        return client

    yield open_it
    for one in opened:
        one.close()


def sale(price: str, **more: Any) -> dict[str, Any]:
    items = [{"name": "Hour", "quantity": "1", "price": price, "total": price, "labels": ["A"]}]
    return receipt(items, {"wire-transfer": price}, taxes_of(items, RATES), currency="XTS", rate_group="5", **more)


def day_begun(client: Connection) -> None:
    client.begin()
    client.submit(registration("acme", "Ledger 9", "0042"), "registration")
    client.submit(opening(), "opening-1")


def booked(bench: ErpBench, till: Till) -> int:
    [(count,)] = bench.rows("SELECT seq FROM ledger.device_heads WHERE signed_by = %s", till.uid)
    return int(count)


def test_s0_080_a_day_of_an_erp(bench: ErpBench, till: Till, open_client: Any) -> None:
    """Registration, shift, receipts one by one and in bulk, a refund, the closing with its totals, the feed."""
    client = open_client()
    day_begun(client)
    first = client.submit(sale("10.90", buyer="VAT:1"), "invoice-1")
    assert first.number == f"{till.uid}-{till.uid}-3"
    assert first.verification_url.startswith("http")
    assert client.submit(sale("10.90", buyer="VAT:1"), "invoice-1") == first
    with pytest.raises(KeyTaken):
        client.submit(sale("10.91"), "invoice-1")
    many = client.submit_bulk((sale(f"{number}.10"), f"bulk-{number}") for number in range(1, 6))
    assert [one.number.rpartition("-")[2] for one in many] == ["4", "5", "6", "7", "8"]
    assert client.submit_bulk((sale(f"{number}.10"), f"bulk-{number}") for number in range(1, 6)) == many
    client.submit(sale("4.00", refund_of=first.number), "refund-1")
    client.submit(closing(), "closing-1")
    with pytest.raises(Refused) as refusal:
        client.submit(sale("1.00"), "late")
    assert refusal.value.code in ("TS-1220", "TS-2408")
    client.submit(opening(), "opening-2")
    assert client.submit(sale("1.00"), "late").number.endswith("-12")

    events: list[Mapping[str, Any]] = []
    while len(events) < 13:
        client.read_feed(events.append)
    assert [one["type"] for one in events].count("booked") == 12
    assert [(one["type"], one["number"], one["amount"]) for one in events if "by" in one] == [
        ("refunded", first.number, "4.0000")
    ]
    assert client.read_feed(events.append) == 0
    assert open_client().read_feed(events.append) == 0, "the cursor is kept"


@pytest.mark.parametrize("way", ["before it is sent", "after it is booked"])
@pytest.mark.parametrize("many", [False, True], ids=["one", "bulk"])
def test_s0_019_power_cuts_book_nothing_twice_and_lose_nothing(
    bench: ErpBench, till: Till, open_client: Any, monkeypatch: pytest.MonkeyPatch, way: str, many: bool
) -> None:
    client = open_client()
    day_begun(client)
    real = Transport.call

    def cut(self: Transport, method: str, path: str, body: Any = None, *more: Any) -> Any:
        if method == "POST" and way == "before it is sent":
            raise PowerCut
        answer = real(self, method, path, body, *more)
        if method == "POST":
            raise PowerCut
        return answer

    def act(one: Connection) -> list[str]:
        if many:
            return [done.number for done in one.submit_bulk((sale(f"{n}.00"), f"invoice-{n}") for n in (1, 2, 3))]
        return [one.submit(sale("1.00"), "invoice-1").number]

    monkeypatch.setattr(Transport, "call", cut)
    with pytest.raises(PowerCut):
        act(client)
    monkeypatch.setattr(Transport, "call", real)
    client = open_client()
    client.begin()
    numbers = act(client)
    assert [int(one.rpartition("-")[2]) for one in numbers] == list(range(3, 3 + len(numbers)))
    assert booked(bench, till) == 2 + len(numbers)
    assert bench.door.view.devices[till.uid].state is DeviceState.ACTIVE, "never two documents for one place"


def test_what_a_power_cut_kept_too_long_is_signed_anew_under_its_key(
    bench: ErpBench, till: Till, open_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client()
    day_begun(client)
    real, clock = Transport.call, client._clock
    monkeypatch.setattr(Transport, "call", lambda *_: (_ for _ in ()).throw(Away("no line")))
    monkeypatch.setattr(client, "_clock", lambda: clock().replace(year=clock().year - 1))
    with pytest.raises(Away):
        client.submit(sale("1.00"), "invoice-1")
    monkeypatch.setattr(Transport, "call", real)
    client = open_client()
    client.begin()
    assert client.submit(sale("1.00"), "invoice-1").number.endswith("-3")


def test_an_old_copy_of_the_store_is_found_out_and_signs_nothing(bench: ErpBench, till: Till, open_client: Any) -> None:
    day_begun(open_client())
    before = booked(bench, till)
    stranger = open_client("another.sqlite")
    with pytest.raises(Lost):
        stranger.begin()
    with pytest.raises(ErpError):
        stranger.submit(sale("1.00"), "invoice-1")
    assert booked(bench, till) == before


def test_a_key_outlives_the_store(bench: ErpBench, till: Till, open_client: Any, tmp_path: Path) -> None:
    """The store is put back to where it was; the ERP signs the same act anew: the operator knows its key."""
    client = open_client()
    day_begun(client)
    client.close()
    saved = (tmp_path / "erp.sqlite").read_bytes()
    open_client().submit(sale("1.00"), "invoice-1")
    open_client().close()
    (tmp_path / "erp.sqlite").write_bytes(saved)
    before = booked(bench, till)
    with pytest.raises(Refused) as refusal:
        open_client().submit(sale("1.00"), "invoice-1")
    assert (refusal.value.code, refusal.value.expected["number"]) == ("TS-3290", f"{till.uid}-{till.uid}-3")
    assert booked(bench, till) == before
    assert bench.door.view.devices[till.uid].state is DeviceState.ACTIVE


def test_an_answer_about_another_document_is_not_believed(
    till: Till, open_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client()
    day_begun(client)
    real = Transport.call

    def twisted(self: Transport, method: str, path: str, *more: Any) -> Any:
        status, body = real(self, method, path, *more)
        return status, body.replace(b'"device_link":"', b'"device_link":"A') if method == "POST" else body

    with monkeypatch.context() as patch:
        patch.setattr(Transport, "call", twisted)
        with pytest.raises(ErpError, match="not about"):
            client.submit(sale("1.00"), "invoice-1")
    assert client.submit(sale("1.00"), "invoice-1").number == f"{till.uid}-{till.uid}-3"


def test_a_key_that_comes_twice_in_a_bulk_is_told_before_anything_is_signed(till: Till, open_client: Any) -> None:
    client: Connection = open_client()
    client.begin()
    twice = [(registration("Works", "ERP", "1"), "one"), (opening(), "one")]
    with pytest.raises(KeyTaken):
        client.submit_bulk(twice)
    assert client.submit(registration("Works", "ERP", "1"), "one").number.endswith("-1")


def test_a_connection_that_ended_while_nothing_was_sold_costs_nothing(till: Till, open_client: Any) -> None:
    """The operator closes what is idle; the next document goes over a new connection at once."""
    client: Connection = open_client()
    client.begin()
    kept = client._transport._open
    assert kept is not None
    kept.sock.shutdown(socket.SHUT_RDWR)
    assert client.submit(registration("Works", "ERP", "1"), "one").number.endswith("-1")


def test_one_program_at_a_time_has_the_store(open_client: Any, bench: ErpBench, tmp_path: Path) -> None:
    from tallystick_erp.store import Store

    client = open_client()
    with pytest.raises(ErpError, match="another program"):
        Store(tmp_path / "erp.sqlite")
    client.close()
    Store(tmp_path / "erp.sqlite").close()


def test_a_feed_that_is_cut_within_a_page_goes_on_behind_the_last_event(open_client: Any) -> None:
    client = open_client()
    day_begun(client)
    seen: list[str] = []

    def fail_at_second(event: Mapping[str, Any]) -> None:
        if len(seen) == 1:
            raise PowerCut
        seen.append(event["id"])

    until_it_fails = iter(lambda: client.read_feed(fail_at_second), -1)
    with pytest.raises(PowerCut):
        list(until_it_fails)
    client = open_client()
    while len(seen) < 2:
        client.read_feed(lambda event: seen.append(event["id"]))
    assert len(set(seen)) == len(seen) == 2


def test_the_guide_leads_from_the_first_document_to_the_feed(
    bench: ErpBench, till: Till, open_client: Any, tmp_path: Path
) -> None:
    """Every block of the guide, as it stands there, by a program of its own."""
    open_client().close()
    (tmp_path / "erp.sqlite").unlink()
    (tmp_path / "root.pem").write_bytes(bench.door.pki.files.root.read_bytes())
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    told = {
        "ERP": f"https://127.0.0.1:{bench.door.port}",
        "BUILD": till.papers.build,
        "PYTHONPATH": str(Path("clients/python/tallystick_erp").resolve()),
    }
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path, env=os.environ | told, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, many, *events = done.stdout.splitlines()
    assert first.startswith(f"{till.uid}-{till.uid}-3 http")
    assert many == "25 booked"
    assert events[0].endswith(f"booked {till.uid}-{till.uid}-1")
    assert booked(bench, till) == 30


@pytest.mark.parametrize(
    ("kind", "walk"), [(DeviceClass.SOFTWARE, day_on_line), (DeviceClass.ERP, erp_documents)], ids=["register", "erp"]
)
def test_a_strangers_client_written_from_the_guides_alone(
    bench: ErpBench, tmp_path: Path, kind: DeviceClass, walk: Callable[[Stranger], str]
) -> None:
    """S0-054, S0-080: papers as the sandbox makes them, and nothing of ours on the client's side."""
    papers = bench.device(kind).papers
    pack = attrs.evolve(PACK, tax_groups=(rate_group(),))
    stranger = Stranger(papers_folder(tmp_path, papers, bench.door.pki.files.root, pack, bench.door.port))
    try:
        code = walk(stranger)
    finally:
        stranger.close()
    assert len(code) == 163
    assert bench.rows("SELECT seq FROM ledger.device_heads WHERE signed_by = %s", papers.uid) == [(stranger.place,)]
