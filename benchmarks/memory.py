"""Claims: the authority's processes do not grow under load, and an E-SDC with one card stays small.

All of it is real: the authority's processes take packages that are sealed while they are submitted, one E-SDC sells
over HTTP at the pace of its answers, with audits at the demonstration's pace, and a buyer verifies some of its
receipts. ``full`` is the claim's own measure, the first minute against ten more; the short set measures the same way
over less time and says so.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

import attrs

from benchmarks.authority_processes import WITH_PUBLIC, RunningAuthority, resident_bytes, running_authority
from benchmarks.claim import Claim, duration
from benchmarks.load_process import LoadProcess
from benchmarks.package_load import LoadResult
from benchmarks.package_maker import Card, basket, sale, seal
from benchmarks.probe import Buyer, Probe, make_shop
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.context import system_clock

CARDS = 16
CONNECTIONS = 32
GROWTH = 1.03
ESDC_BYTES = 120 * 10**6
FULL_SECONDS = (60.0, 600.0)
SHORT_SECONDS = (35.0, 45.0)
"""From the start of the load to the first look, and from there to its end."""
SALES = 4_000
MORE_SALES_SECONDS = 60.0
"""After the load the E-SDC sells on until it has sold some thousand times, or this time is over."""
_ESDC = "esdc"
_LIMIT = Money.of(10**9)
_ASK_EVERY = 25
_QR_EVERY = 4
_SETTLE_SECONDS = 2.0
_PORT = re.compile(r"serves POS on http://127\.0\.0\.1:(\d+)")


def run(full: bool) -> Iterable[Claim]:
    """Both claims from one run."""
    first, rest = FULL_SECONDS if full else SHORT_SECONDS
    with running_authority(CARDS, WITH_PUBLIC) as authority:
        probe, buyer = _open_esdc(authority), Buyer(0.02, 30.0)
        with LoadProcess(authority, lambda: _packages(authority.cards, first + rest), CONNECTIONS) as load:
            seen = _Seen()
            _sell(probe, buyer, seen, until=time.monotonic() + first)
            before = authority.resident_bytes()
            while load.running:
                _sell(probe, buyer, seen, until=time.monotonic() + 1)
            result = load.result()
        time.sleep(_SETTLE_SECONDS)
        after = authority.resident_bytes()
        until = time.monotonic() + MORE_SALES_SECONDS
        while seen.sales < SALES and time.monotonic() < until:
            _sell(probe, buyer, seen, until=time.monotonic() + 1)
        esdc = resident_bytes(authority.supervisor.pid(_ESDC))
    stands_in = "" if full else ": a short stand-in for 60 s, 600 s"
    measure = f"first {duration(first)}, then {duration(rest)}{stands_in}"
    yield _growth(before, after, result, measure)
    yield Claim(
        f"memory of an E-SDC with one card, after {seen.sales:,} sales",
        f"{esdc / 1e6:.1f} MB",
        "",
        None,
        f"< {ESDC_BYTES / 1e6:.0f} MB",
        esdc < ESDC_BYTES,
    )


@attrs.define
class _Seen:
    sales: int = 0


def _open_esdc(authority: RunningAuthority) -> Probe:
    shop = make_shop(authority, 1, limit=_LIMIT)
    root = str(authority.country.pki.files.root)
    command = ("esdc", "run", "--card", str(shop.folder), "--authority-ca", root, "--port", "0")
    authority.start(_ESDC, *command, TALLYSTICK_TIMING="demo")
    found = _PORT.search((authority.country.state.logs / f"{_ESDC}.log").read_text(encoding="utf-8"))
    assert found is not None, "the E-SDC did not say where it serves"
    probe = Probe(int(found[1]), shop.pin)
    probe.open()
    return probe


def _packages(cards: list[Card], seconds: float) -> Iterator[bytes]:
    """Packages of all cards in turn, each sealed when it is asked for, until the time is over."""
    at, until = system_clock() - timedelta(hours=1), time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        card = cards[number % len(cards)]
        labels = tuple(sorted(card.group.labels()))
        request = sale(basket(1 + number % 19, cents=49 + number % 1900, labels=labels))
        yield seal(card.plain(request, at + timedelta(milliseconds=number)), card.encryption_key)
        number += 1


def _sell(probe: Probe, buyer: Buyer, seen: _Seen, until: float) -> None:
    while time.monotonic() < until:
        since, url = probe.sell(qr_code=seen.sales % _QR_EVERY == 0)
        seen.sales += 1
        if seen.sales % _ASK_EVERY == 0:
            assert buyer.seconds_to_valid(since, url) is not None, "a receipt was not valid in time"


def _growth(before: dict[str, int], after: dict[str, int], result: LoadResult, measure: str) -> Claim:
    ratios = {name: after[name] / before[name] for name in before}
    parts = ", ".join(f"{name} {before[name] / 1e6:.1f} to {after[name] / 1e6:.1f} MB" for name in before)
    print(f"# memory: {parts}", file=sys.stderr)
    if result.others:
        print(f"# memory: not accepted: {len(result.others)}, first {result.others[:3]}", file=sys.stderr)
    worst = max(ratios, key=lambda name: ratios[name])
    return Claim(
        f"memory of the authority after {result.accepted:,} packages, worst of its {len(before)} processes: {worst} "
        f"({measure})",
        f"{after[worst] / 1e6:.1f} MB",
        f"{before[worst] / 1e6:.1f} MB (its first look)",
        ratios[worst],
        f"<= {GROWTH:g} x",
        ratios[worst] <= GROWTH and not result.others,
    )
