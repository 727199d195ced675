"""What a person sees while a market runs: a table that renews itself, or a line now and then without a screen."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tallystick.simulation.figures import Figures

LINE_EVERY_SECONDS = 5.0


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def rows(figures: Figures) -> list[tuple[str, str]]:
    """Name and value of every figure, in the words of the README."""
    audit = figures.audit
    return [
        ("shops open / planned", f"{figures.shops_open} / {figures.shops_planned}, {figures.tills_selling} selling"),
        ("receipts", f"{figures.sold:,} in this run, {figures.sold_before:,} before, {figures.refused:,} refused"),
        ("national receipts", f"{figures.national:,} on line, off line and by ERP"),
        ("receipts a second", f"{figures.sales_per_second:,.0f}"),
        ("waiting at the devices", f"{figures.waiting_at_devices:,}"),
        (
            "to visible, p50 / p99",
            f"{_milliseconds(figures.ledger.wait_p50_ms)} / {_milliseconds(figures.ledger.wait_p99_ms)}",
        ),
        ("ledger", f"{figures.ledger.size:,} entries, {figures.ledger.bytes / 1e6:,.0f} MB"),
        ("audits done / open", f"{audit.ended_cycles:,} / {audit.open_cycles:,}"),
        ("limit used, highest", f"{figures.limit_used:.0%}"),
    ]


class Display:
    """Shows figures until it is closed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._last_line = 0.0

    def __enter__(self) -> Self:
        """Take the screen."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the screen back."""
        if self._live is not None:
            self._live.stop()

    def show(self, figures: Figures) -> None:
        """Renew the table, or print a line when it is time for one."""
        if self._live is not None:
            table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
            for name, value in rows(figures):
                table.add_row(name, value)
            self._live.update(table)
            return
        now = time.monotonic()
        if now - self._last_line >= LINE_EVERY_SECONDS:
            self._last_line = now
            parts = [f"{name} {value}" for name, value in rows(figures)]
            self._console.print(" · ".join(parts), soft_wrap=True, highlight=False)
