"""Claim: what a till has sold, a buyer can verify within a second, also while the intake works at half its best rate.

Probe E-SDCs (one real process) sell over HTTP to the real authority. The clock runs from the last byte of the POS
answer to the first answer *valid* of the public listener. The load is packages of other cards, sealed beforehand and
submitted at a steady rate, whether answers come or not; half of what the same packages reach at best in this run.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

import attrs

from benchmarks.authority_processes import WITH_PUBLIC, RunningAuthority, running_authority
from benchmarks.claim import Claim, duration
from benchmarks.intake import sealed_packages
from benchmarks.load_process import LoadProcess
from benchmarks.package_load import LoadResult, submit
from benchmarks.probe import Buyer, Probe, make_shop, wait_for_port
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.esdc import RACK_FILE, port_file

PROBES = 3
CARDS = 16
CONNECTIONS = 32
WARM_UP = 400
SHARE_OF_BEST = 0.5
TARGET_SECONDS = 1.0
FEWEST_SALES = 300
KEPT_RATE = 0.95
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.12
_LIMIT = Money.of(10**9)
_QUIET_SALES = 40
_SETTLE_SECONDS = 2.0


def run(full: bool) -> Iterable[Claim]:
    """The 99th percentile under load; ``full`` goes on for longer."""
    load_seconds, burst = (300.0, 6_000) if full else (45.0, 2_000)
    with running_authority(2 * CARDS, WITH_PUBLIC) as authority:
        pairs = [(probe, Buyer(POLL_SECONDS, PATIENCE_SECONDS)) for probe in open_probes(authority)]
        quiet = _watch(pairs, lambda seen: len(seen.seconds) < _QUIET_SALES)
        best = _best_rate(authority, burst)
        rate = best * SHARE_OF_BEST
        bodies = sealed_packages(authority.cards[CARDS:], int(rate * load_seconds))
        with LoadProcess(authority, lambda: bodies, CONNECTIONS, rate=rate) as load:
            time.sleep(_SETTLE_SECONDS)
            under_load = _watch(pairs, lambda _: load.running)
            result = load.result()
    yield _claim(quiet, under_load, result, best)


def open_probes(authority: RunningAuthority) -> list[Probe]:
    """Shops with cards in one rack of E-SDCs, each of which has sold once."""
    shops = [make_shop(authority, 1 + number, limit=_LIMIT) for number in range(PROBES)]
    run_folder = authority.country.state.run
    (run_folder / RACK_FILE).write_text("".join(f"{shop.uid}\n" for shop in shops), encoding="ascii")
    authority.start("esdc-rack", "esdc", "rack")
    probes = [Probe(wait_for_port(port_file(run_folder, shop.uid)), shop.pin) for shop in shops]
    for probe in probes:
        probe.open()
    return probes


def _best_rate(authority: RunningAuthority, burst: int) -> float:
    """Packages a second that are accepted at best: as fast as answers come, after a warm-up."""
    bodies = sealed_packages(authority.cards[:CARDS], WARM_UP + burst)
    warm_up, measured = (
        submit(authority.port, authority.client_tls, authority.token, part, CONNECTIONS)
        for part in (bodies[:WARM_UP], bodies[WARM_UP:])
    )
    refused = warm_up.others + measured.others
    assert not refused, refused[:3]
    return measured.accepted / measured.seconds


@attrs.define
class _Watched:
    """Seconds of all sales; ``never`` counts those that were given up, with the patience as their time."""

    seconds: list[float] = attrs.field(factory=list)
    never: int = 0


def _watch(pairs: list[tuple[Probe, Buyer]], go_on: Callable[[_Watched], bool]) -> _Watched:
    """Let every probe sell, and its buyer ask, for as long as told; what all of them saw."""
    seen, failed = _Watched(), threading.Event()

    def work(pair: tuple[Probe, Buyer]) -> None:
        try:
            while go_on(seen) and not failed.is_set():
                _sell_and_ask(*pair, seen)
                time.sleep(random.uniform(0, 2 * PAUSE_SECONDS))  # never in step with the batches
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(len(pairs)) as pool:
        list(pool.map(work, pairs))
    return seen


def _sell_and_ask(probe: Probe, buyer: Buyer, seen: _Watched) -> None:
    since, url = probe.sell()
    seconds = buyer.seconds_to_valid(since, url)
    if seconds is None:
        seen.never += 1
    seen.seconds.append(PATIENCE_SECONDS if seconds is None else seconds)


def _claim(quiet: _Watched, loaded: _Watched, result: LoadResult, best: float) -> Claim:
    count, kept = len(loaded.seconds), result.accepted / result.seconds
    assert count > 1, "no sale was watched"
    percent = quantiles(loaded.seconds, n=100)
    p50, p95, p99 = percent[49], percent[94], percent[98]
    problems = {
        f"{loaded.never} sales were never valid": loaded.never,
        f"{len(result.others)} packages of the load were not accepted, first {result.others[:1]}": result.others,
        f"the load was {kept:.0f} packages/s only": kept < KEPT_RATE * SHARE_OF_BEST * best,
        f"only {count} sales were watched": count < FEWEST_SALES,
    }
    found = [text for text, is_so in problems.items() if is_so]
    for text in found:
        print(f"# visible: {text}", file=sys.stderr)
    still = median(quiet.seconds)
    return Claim(
        f"device to visible, 99th percentile of {count:,} sales, beside {kept:,.0f} packages/s (best {best:,.0f})",
        f"{duration(p99)} (p50 {duration(p50)}, p95 {duration(p95)})",
        f"{duration(still)} (median without load)",
        p99 / still,
        f"< {duration(TARGET_SECONDS)}" + "".join(f"; {text}" for text in found),
        p99 < TARGET_SECONDS and not found,
    )
