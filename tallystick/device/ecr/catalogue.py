"""The products of a till: a CSV in UTF-8 with the columns ``code,name,price,label``, found by code or by name.

The code is what a scanner reads: the GTIN, or a number of the shop's own. Stock, classification and loyalty would be
rooms beside this one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import ZERO_MONEY, Money

FILE = "catalogue.csv"
COLUMNS = ("code", "name", "price", "label")
PRODUCTS_MOST = 100_000
_BYTES_MOST = 32 * 1024 * 1024
_GTIN_DIGITS = range(8, 15)


@attrs.frozen(slots=True, kw_only=True)
class Product:
    """One thing that is sold."""

    code: str
    name: str
    price: Money
    label: str

    @property
    def gtin(self) -> str | None:
        """The code, where it has the form of a GTIN."""
        return self.code if self.code.isascii() and self.code.isdigit() and len(self.code) in _GTIN_DIGITS else None


@attrs.frozen(slots=True)
class Catalogue:
    """Products by code."""

    products: Mapping[str, Product] = attrs.field(factory=dict)

    def find(self, code: str) -> Product | None:
        """The product with this code."""
        return self.products.get(code.strip())

    def search(self, words: str, most: int) -> list[Product]:
        """Products whose names have all these words, in the file's order."""
        parts = words.casefold().split()
        found: list[Product] = []
        for product in self.products.values():
            if all(part in product.name.casefold() for part in parts):
                found.append(product)
                if len(found) == most:
                    break
        return found


def read_catalogue(data: bytes) -> Catalogue:
    """Read a file; raises ``TS-3265`` with the number of the line that is wrong."""
    if len(data) > _BYTES_MOST:
        raise Fault("TS-3265", detail=f"more than {_BYTES_MOST} bytes")
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        products: dict[str, Product] = {}
        for product in _products(rows):
            if products.setdefault(product.code, product) != product:
                raise Fault("TS-3265", detail=f"{product.code[:20]} stands for two products")
        return Catalogue(products)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Fault("TS-3265", detail=str(error)) from error


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue of a folder; an empty one where there is no file."""
    path = folder / FILE
    return read_catalogue(path.read_bytes()) if path.exists() else Catalogue()


def _products(rows: Iterator[list[str]]) -> Iterator[Product]:
    if tuple(next(rows, [])) != COLUMNS:
        raise Fault("TS-3265", detail=f"the first line is {','.join(COLUMNS)}")
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if number > PRODUCTS_MOST or len(row) != len(COLUMNS):
            raise Fault("TS-3265", detail=f"line {number}: four columns, and at most {PRODUCTS_MOST} lines")
        code, name, price, label = (cell.strip() for cell in row)
        try:
            amount = Money.of(price)
        except Fault:
            raise Fault("TS-3265", detail=f"line {number}: {price[:20]} is no price") from None
        if not code or not name or not label or amount < ZERO_MONEY:
            raise Fault("TS-3265", detail=f"line {number}: code, name, price and label")
        yield Product(code=code, name=name, price=amount, label=label)
