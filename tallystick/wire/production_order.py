"""An order of fiscal modules as a CSV file: one line a module, for whom it is and in which form (S1-047).

UTF-8, a header line, commas; columns in any order: tin, business_name, location_name, address, district, city,
given_name, surname, limit, form. The last four may be left out.
"""

from __future__ import annotations

import csv
import io

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import FormFactor
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, parse_tin

BYTES_MAX = 64 * 1024 * 1024
LINES_MAX = 100_000
CHARACTERS_MAX = 64
"""As long as a name in a certificate may be (X.520)."""
_NEEDED = ("tin", "business_name", "location_name", "address", "district", "city")
_OPTIONAL = {"given_name": "", "surname": "", "limit": "", "form": FormFactor.CARD.value}


@attrs.frozen(slots=True, kw_only=True)
class OrderLine:
    """One module that is wanted. ``limit`` is the most unaudited turnover."""

    tin: Tin
    business_name: str
    location_name: str
    address: str
    district: str
    city: str
    given_name: str
    surname: str
    limit: Money
    form_factor: FormFactor


def read_order(data: bytes, usual_limit: Money) -> tuple[OrderLine, ...]:
    """The lines in their order; raises ``TS-3068`` with the number of the first wrong line."""
    if len(data) > BYTES_MAX:
        raise Fault("TS-3068", detail=f"more than {BYTES_MAX} bytes")
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Fault("TS-3068", detail=f"not a CSV file in UTF-8: {error}") from None
    if len(rows) < 2 or len(rows) - 1 > LINES_MAX:
        raise Fault("TS-3068", detail=f"an order has a header and 1 to {LINES_MAX} lines")
    header = [name.strip() for name in rows[0]]
    known = {*_NEEDED, *_OPTIONAL}
    if len(set(header)) != len(header) or not set(_NEEDED) <= set(header) <= known:
        raise Fault("TS-3068", detail=f"the header has each of {', '.join(_NEEDED)} once, and nothing unknown")
    return tuple(_line(number, header, row, usual_limit) for number, row in enumerate(rows[1:], 2))


def _line(number: int, header: list[str], row: list[str], usual_limit: Money) -> OrderLine:
    if len(row) != len(header):
        raise Fault("TS-3068", detail=f"line {number}: {len(row)} fields, the header has {len(header)}")
    fields = _OPTIONAL | {name: value.strip() for name, value in zip(header, row, strict=True)}
    for name, value in fields.items():
        if len(value) > CHARACTERS_MAX or not value.isprintable() or (name in _NEEDED and not value):
            raise Fault("TS-3068", detail=f"line {number}: {name} is empty, too long or not printable")
    try:
        return OrderLine(
            tin=parse_tin(fields["tin"]),
            business_name=fields["business_name"],
            location_name=fields["location_name"],
            address=fields["address"],
            district=fields["district"],
            city=fields["city"],
            given_name=fields["given_name"],
            surname=fields["surname"],
            limit=_limit(fields["limit"]) if fields["limit"] else usual_limit,
            form_factor=FormFactor(fields["form"] or FormFactor.CARD),
        )
    except (Fault, ValueError) as error:
        raise Fault("TS-3068", detail=f"line {number}: {error}") from None


def _limit(text: str) -> Money:
    limit = Money.of(text)
    if limit <= Money(0):
        raise ValueError("a limit is more than nothing")
    return limit
