"""The figures of a running market, taken once a second from the tills and from the authority's own queries."""

from __future__ import annotations

import time
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

import attrs
import psycopg
from prometheus_client.parser import text_string_to_metric_families

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerOverview
from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.projections.audit.values import AuditOverview
from tallystick.kernel.identifiers import Uid
from tallystick.ops.processes.context import system_clock
from tallystick.simulation.market import Market
from tallystick.simulation.national.fleet import Fleet

RATE_SECONDS = 5.0
_AUDITS_MOST = 10_000
UNAUDITED_METRIC = "tallystick_esdc_unaudited_ratio"


@attrs.frozen(kw_only=True)
class Figures:
    """One look at the market."""

    shops_open: int
    shops_planned: int
    tills_selling: int
    sold: int
    sold_before: int
    refused: int
    sales_per_second: float
    waiting_at_devices: int
    national: int
    """Receipts of the national channels in this run."""
    ledger: LedgerOverview
    audit: AuditOverview
    limit_used: float


@attrs.frozen(kw_only=True)
class DeviceFigures:
    """A device against its till's book: signed as the till knows, and arrived in the ledger."""

    uid: Uid
    signed: int
    arrived: int

    @property
    def waiting(self) -> int:
        """Signed and not yet arrived."""
        return max(self.signed - self.arrived, 0)


def limit_used(health_file: Path) -> float:
    """Highest share of its limit that a card of the rack has reached, 0 to 1 and above; 0 while the rack is away."""
    try:
        port = int(health_file.read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            samples = [
                sample.value for family in families if family.name == UNAUDITED_METRIC for sample in family.samples
            ]
    except (OSError, ValueError):
        return 0.0
    return max(samples, default=0.0)


class Observer:
    """Looks at the market on one connection (autocommit), and at the devices through the rack's own figures."""

    def __init__(self, market: Market, fleet: Fleet, connection: psycopg.Connection[Any], rack_health: Path) -> None:
        self._fleet = fleet
        self._rack_health = rack_health
        self._market = market
        self._connection = connection
        self._history: deque[tuple[float, int]] = deque()

    def look(self) -> Figures:
        """Take all figures now."""
        shops = list(self._market.open_shops)
        sold = sum(shop.till.figures.sold for shop in shops)
        sold_before = sum(shop.till.figures.sold_before for shop in shops)
        devices = self.devices()
        now = system_clock()
        return Figures(
            shops_open=len(shops),
            shops_planned=self._market.planned,
            tills_selling=sum(not shop.till.figures.finished for shop in shops),
            sold=sold,
            sold_before=sold_before,
            refused=sum(sum(shop.till.figures.refused.values()) for shop in shops),
            sales_per_second=self._rate(sold),
            waiting_at_devices=sum(device.waiting for device in devices),
            national=self._fleet.figures().sold,
            ledger=ledger.overview(self._connection, now),
            audit=audit.overview(self._connection, now),
            limit_used=limit_used(self._rack_health),
        )

    def cards_in_audit(self) -> frozenset[str]:
        """The cards whose audits can still come to their end: not those that lack what their device has lost."""
        audits = audit.open_audits(self._connection, _AUDITS_MOST)
        return frozenset(one.uid for one in audits if not one.missing or one.missing != one.gone)

    def devices(self) -> list[DeviceFigures]:
        """Every device of the run, in the order in which the shops opened."""
        found = []
        for shop in list(self._market.open_shops):
            uid = shop.shop.uid
            standing = ledger.device_standing(self._connection, (uid, uid))
            signed = len(shop.book.done)
            arrived = standing.documents if standing else 0
            found.append(DeviceFigures(uid=uid, signed=signed, arrived=arrived))
        return found

    def _rate(self, sold: int) -> float:
        now = time.monotonic()
        self._history.append((now, sold))
        while now - self._history[0][0] > RATE_SECONDS:
            self._history.popleft()
        then, before = self._history[0]
        return (sold - before) / (now - then) if now > then else 0.0
