"""TOML whose every value knows its line, so that a wrong pack is refused with file and line.

``tomllib`` reads the values; a scan beside it notes on which line each key and table begins. Keys inside an inline
table or array have the line of the statement that holds them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

Path = tuple[str | int, ...]
T = TypeVar("T")

_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.)?""")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')
_AT_LINE = re.compile(r"\(at line (\d+),")


class PackError(Exception):
    """A file of a country pack is wrong: which file, which line (from 1), and what to mend."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem


class TomlTable:
    """One table of a file; takes give typed values and refuse what is missing, of another type, or left over."""

    def __init__(self, file: TomlFile, path: Path, values: Mapping[str, Any]) -> None:
        self._file = file
        self._path = path
        self._values = values
        self._taken: set[str] = set()

    def error(self, problem: str, key: str | None = None) -> PackError:
        """A ``PackError`` at a key of this table, or at the table itself."""
        return self._file.error(self._path if key is None else (*self._path, key), problem)

    def take(self, key: str, kind: type[T]) -> T:
        """A value that must be there; raises ``PackError``."""
        if key not in self._values:
            raise self.error(f"{key} is missing")
        self._taken.add(key)
        value = self._values[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{key} must be {_NAMES.get(kind, kind.__name__)}", key)
        return value

    def take_or(self, key: str, kind: type[T], default: T) -> T:
        """A value that may be absent."""
        return self.take(key, kind) if key in self._values else default

    def take_decimal(self, key: str) -> Decimal:
        """A number with or without decimals, exact."""
        if isinstance(self._values.get(key), Decimal):
            return self.take(key, Decimal)
        return Decimal(self.take(key, int))

    def take_list(self, key: str, kind: type[T]) -> tuple[T, ...]:
        """A list whose elements are all of one kind."""
        values = self.take(key, list)
        if not all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
            raise self.error(f"{key} must be a list of {_NAMES.get(kind, kind.__name__)}", key)
        return tuple(values)

    def take_table(self, key: str) -> TomlTable:
        """A table below this one."""
        return TomlTable(self._file, (*self._path, key), self.take(key, dict))

    def take_tables(self, key: str) -> tuple[TomlTable, ...]:
        """An array of tables; absent means none."""
        rows = self.take_list(key, dict) if key in self._values else ()
        return tuple(TomlTable(self._file, (*self._path, key, at), row) for at, row in enumerate(rows))

    def __contains__(self, key: str) -> bool:
        """Whether the table has the key."""
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        """All keys in the order of the file, for tables whose keys are data."""
        return iter(self._values)

    def close(self) -> None:
        """Refuse keys that nobody took: a misspelt key must not be silently without effect."""
        for key in self._values:
            if key not in self._taken:
                raise self.error(f"{key} is not known here", key)


_NAMES: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


class TomlFile:
    """A file's values and the lines on which they stand."""

    def __init__(self, content: bytes, name: str) -> None:
        """Raises ``PackError`` where the bytes are not TOML in UTF-8."""
        self._name = name
        try:
            text = content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as problem:
            raise PackError(name, content.count(b"\n", 0, problem.start) + 1, "not UTF-8") from None
        try:
            self.values: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except (ArithmeticError, ValueError, RecursionError) as problem:
            at = _AT_LINE.search(str(problem))
            raise PackError(name, int(at[1]) if at else text.count("\n") + 1, str(problem)) from None
        self._lines = _key_lines(text)

    def root(self) -> TomlTable:
        """The file as a table."""
        return TomlTable(self, (), self.values)

    def error(self, path: Path, problem: str) -> PackError:
        """A ``PackError`` on the line of the path, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return PackError(self._name, self._lines.get(path, 1), problem)


def _key_lines(text: str) -> dict[Path, int]:
    """The line of every table and key of a valid file."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    open_value: tuple[int, str] = (0, "")
    for number, line in enumerate(text.split("\n"), 1):
        if open_value == (0, ""):
            statement = line.strip()
            if not statement or statement.startswith("#"):
                continue
            if statement.startswith("["):
                table = _enter(statement, counts)
                lines.setdefault(table, number)
                continue
            key, end = _parts(line, 0)
            lines.setdefault((*table, *key), number)
            line = line[end:]
        open_value = _scan_value(line, open_value)
    return lines


def _parts(text: str, position: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    while match := _KEY_PART.match(text, position):
        quoted, literal, bare, dot = match.groups()
        parts.append(
            cast("str", tomllib.loads(f'k = "{quoted}"')["k"]) if quoted is not None else literal or bare or ""
        )
        position = match.end()
        if dot is None:
            break
    return tuple(parts), position


def _enter(statement: str, counts: dict[Path, int]) -> Path:
    """The path of a table header, with the number of the element where a part is an array of tables."""
    is_array = statement.startswith("[[")
    parts, _ = _parts(statement, 2 if is_array else 1)
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    path = (*path, parts[-1])
    if is_array:
        counts[path] = counts.get(path, -1) + 1
        path = (*path, counts[path])
    return path


def _scan_value(line: str, state: tuple[int, str]) -> tuple[int, str]:
    """Depth of brackets and open multi-line quote after a line of a value."""
    depth, quote = state
    position = 0
    while position < len(line):
        if quote:
            end = line.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        token = _TOKEN.search(line, position)
        if token is None:
            break
        position = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
    return depth, quote
