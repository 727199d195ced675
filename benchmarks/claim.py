"""One measured claim and the one line that it prints: name | measured | limit | ratio | target | ok."""

from __future__ import annotations

import attrs

HEADER = "name | measured | limit | ratio | target | ok"
MISS = "MISS"


class CannotRun(Exception):
    """A benchmark cannot measure here; the message says why in one line. It is printed and counts as a miss."""


@attrs.frozen(slots=True)
class Claim:
    """What was measured beside what this machine can do at best, and whether the target is met.

    ``measured`` and ``limit`` carry their unit. The limit is measured in the same run, so that ``ratio`` says something
    on a noisy or slow machine too; both are empty where a claim has no such limit.
    """

    name: str
    measured: str
    limit: str
    ratio: float | None
    target: str
    ok: bool

    def line(self) -> str:
        """The line to print; a miss is never hidden."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        return " | ".join((self.name, self.measured, self.limit, ratio, self.target, "ok" if self.ok else MISS))


def unmeasured(name: str, why: str) -> str:
    """The line of a benchmark without a figure: it could not run, or it broke."""
    return " | ".join((name, " ".join(why.split()).replace("|", "/"), "", "", "", MISS))


def per_second(value: float, what: str) -> str:
    """A rate with its unit: ``931,034 lines/s``."""
    return f"{value:,.0f} {what}/s" if value >= 100 else f"{value:.2f} {what}/s"


def duration(seconds: float) -> str:
    """A time in the unit that suits it: ``4.77 us``, ``12.3 ms``, ``1.2 s``."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
