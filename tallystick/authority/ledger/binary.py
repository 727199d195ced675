"""Parameters in PostgreSQL's binary form: arrays built at once, for statements that every batch runs.

psycopg's own adaptation looks at each element of each list; here the kind of an array is known beforehand.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence

import attrs
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_INT2 = struct.Struct(">ih")
_INT4 = struct.Struct(">ii")
_INT8 = struct.Struct(">iq")
_PARAMETER = re.compile(r"%\((\w+)\)s")
_OID_BYTEA, _OID_INT8, _OID_INT2, _OID_INT4, _OID_TEXT, _OID_MOMENT = 17, 20, 21, 23, 25, 1184
_MOMENTS_BEGIN_MS = 946_684_800_000
"""2000-01-01 UTC, from which the server counts microseconds."""
_EMPTY = struct.Struct(">iiI")


def positional(query: str) -> tuple[bytes, tuple[str, ...]]:
    """A named query of this project with ``$1``, ``$2`` ..., and the names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PARAMETER.sub(number, query).replace("%%", "%").encode(), tuple(names)


def int8(value: int) -> bytes:
    """A bigint."""
    return value.to_bytes(8, "big", signed=True)


def _array(oid: int, elements: Sequence[bytes]) -> bytes:
    """A one-dimensional array without NULLs of elements that carry their lengths."""
    if not elements:
        return _EMPTY.pack(0, 0, oid)
    return _HEAD.pack(1, 0, oid, len(elements), 1) + b"".join(elements)


def bytea_array(values: Iterable[bytes]) -> bytes:
    """A ``bytea[]``."""
    return _array(_OID_BYTEA, [_LENGTH.pack(len(value)) + value for value in values])


def text_array(values: Iterable[str]) -> bytes:
    """A ``text[]``."""
    return _array(_OID_TEXT, [_LENGTH.pack(len(value)) + value for value in map(str.encode, values)])


def int2_array(values: Iterable[int]) -> bytes:
    """A ``smallint[]``."""
    return _array(_OID_INT2, [_INT2.pack(2, value) for value in values])


def int4_array(values: Iterable[int]) -> bytes:
    """An ``integer[]``."""
    return _array(_OID_INT4, [_INT4.pack(4, value) for value in values])


def int8_array(values: Iterable[int]) -> bytes:
    """A ``bigint[]``."""
    return _array(_OID_INT8, [_INT8.pack(8, value) for value in values])


def moment_array(unix_ms: Iterable[int]) -> bytes:
    """A ``timestamptz[]`` of moments that are given in Unix milliseconds."""
    return _array(_OID_MOMENT, [_INT8.pack(8, (value - _MOMENTS_BEGIN_MS) * 1000) for value in unix_ms])


@attrs.frozen(slots=True)
class ArrayParameter:
    """One of these arrays for psycopg's own ``execute``, in a query that casts it (``:seqs::bigint[]``)."""

    data: bytes


class _ArrayDumper(Dumper):
    format = Format.BINARY
    oid = 0  # the cast in the query says what it is

    def dump(self, obj: ArrayParameter) -> Buffer:
        return obj.data


psycopg.adapters.register_dumper(ArrayParameter, _ArrayDumper)
