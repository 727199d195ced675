"""Named queries from a ``.sql`` file beside the room that owns the tables.

A header line ``-- name: find_device`` starts each query; ``:uid`` in the text becomes the driver's named parameter.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: ([a-z][a-z0-9_]*)[ \t]*$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


def parse_queries(text: str) -> dict[str, str]:
    """Split a file's text into its queries; a name that stands twice or an empty query is a ``ValueError``."""
    parts = _HEADER.split(text)
    queries: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if name in queries or not body.strip():
            raise ValueError(f"query {name} is empty or stands twice")
        queries[name] = _PARAMETER.sub(r"%(\1)s", body.strip().rstrip(";").replace("%", "%%"))
    return queries


@cache
def load_queries(package: str, file_name: str = "queries.sql") -> dict[str, str]:
    """The queries of a room, for example ``load_queries("tallystick.authority.ledger")``."""
    return parse_queries(files(package).joinpath(file_name).read_text(encoding="utf-8"))
