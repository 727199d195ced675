"""The amounts that a journal shows, whoever wrote it and in whatever language: the number at the end of each line.

A reader, not a parser: it knows no labels. What it is for is one question, whether the paper in a buyer's hand shows
the total that was signed (security 1.4, line 3).
"""

from __future__ import annotations

import re

from tallystick.kernel.fixed_point import Money

# From the end of the line to its start, where there is one way only to read it: a currency, two to four decimals, a
# decimal point of either kind, digits in groups of three or in one row.
_AMOUNT = re.compile(r"\D{0,4}(\d{2,4})[.,]((?:\d{3}[.,' \u00a0\u202f])*\d{1,3}|\d{1,15})(?![\d.,])")
_NO_DIGIT = re.compile(r"\D")
_LINE_CHARACTERS_MAX = 200
_LINES_MAX = 20_000


def amounts_in(journal: str) -> frozenset[int]:
    """The amounts in hundredths, without their signs."""
    found = set()
    for line in journal.splitlines()[:_LINES_MAX]:
        match = _AMOUNT.match(line[-_LINE_CHARACTERS_MAX:].rstrip()[::-1])
        if match is not None:
            decimals, whole = match[1][::-1], _NO_DIGIT.sub("", match[2])[::-1]
            found.add(int(whole) * 100 + int(decimals[:2]))
    return frozenset(found)


def shows_total(journal: str, total: Money) -> bool:
    """Whether the journal shows that total, to the hundredth; true for one that shows no amount at all."""
    wanted = abs(total.scaled) // 100
    if _stands_there(journal, wanted):
        return True
    amounts = amounts_in(journal)
    return not amounts or any(abs(amount - wanted) <= 1 for amount in amounts)


def _stands_there(journal: str, wanted: int) -> bool:
    """The quick answer for nearly all: whether a line with the amount's last digits in it shows just that amount."""
    whole, hundredths = divmod(wanted, 100)
    for point in ".,":
        end, written = 0, f"{whole % 10}{point}{hundredths:02d}"
        while (at := journal.find(written, end)) >= 0:
            start, end = journal.rfind("\n", end, at) + 1 or end, journal.find("\n", at)
            if wanted in amounts_in(journal[start:end] if end >= 0 else journal[start:]):
                return True
            if end < 0:
                break
    return False
