"""Named queries from a ``.sql`` file beside the room that owns the tables.

A header line ``-- name: find_device`` starts each query; ``:uid`` in the text becomes the driver's named parameter.
SQLite takes ``:uid`` as it stands; psycopg wants ``%(uid)s`` and a doubled ``%``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

_HEADER = re.compile(r"^-- name: ([a-z][a-z0-9_]*)[ \t]*$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


Driver = Literal["psycopg", "sqlite"]


def parse_queries(text: str, driver: Driver = "psycopg") -> dict[str, str]:
    """Split a file's text into its queries; a name that stands twice or an empty query is a ``ValueError``."""
    parts = _HEADER.split(text)
    queries: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if name in queries or not body.strip():
            raise ValueError(f"query {name} is empty or stands twice")
        query = body.strip().rstrip(";")
        queries[name] = query if driver == "sqlite" else _PARAMETER.sub(r"%(\1)s", query.replace("%", "%%"))
    return queries


@cache
def load_queries(package: str, file_name: str = "queries.sql", driver: Driver = "psycopg") -> dict[str, str]:
    """The queries of a room, for example ``load_queries("tallystick.authority.ledger")``."""
    return parse_queries(files(package).joinpath(file_name).read_text(encoding="utf-8"), driver)
