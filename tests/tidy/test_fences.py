"""Fences that import contracts cannot see: who hashes, who reads the clock, where SQL and third parties may stand."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from sources import REPOSITORY, imported_names, name_of, python_files, strings, tree

HASHING = REPOSITORY / "tallystick/kernel/hashing.py"
HASH_LIBRARIES = {"hashlib", "hmac"}
# The offline verifier shares no code with the writer, its hashing included.
OWN_HASHING = REPOSITORY / "tallystick/verifier"
KERNEL_MAY_IMPORT = {"attrs", "tallystick"}
OUTSIDE_WORLD = {
    "asyncio", "random", "secrets", "socket", "sqlite3", "subprocess", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
OUTSIDE_CALLS = {
    "now", "utcnow", "today", "open", "read_text", "write_text", "read_bytes", "write_bytes", "urandom", "uuid1",
    "uuid4",
}  # fmt: skip
SQL = re.compile(r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s)", re.IGNORECASE)


def top_names(file: Path) -> set[str]:
    """Packages that the file imports."""
    return {name.split(".")[0] for name in imported_names(file)}


def calls(file: Path) -> Iterator[tuple[int, str]]:
    """Line and last name of every call: `now` for `datetime.now()`."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.lineno, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id


def test_only_one_module_hashes() -> None:
    hashing = [file for file in python_files("tallystick") if HASH_LIBRARIES & top_names(file)]
    assert HASHING in hashing
    others = [name_of(file) for file in hashing if file != HASHING and not file.is_relative_to(OWN_HASHING)]
    assert not others, f"these must use tallystick.kernel.hashing: {others}"


def test_the_heart_has_no_clock_no_chance_and_no_files() -> None:
    heart = python_files("tallystick/kernel", "tallystick/wire")
    importing = {name_of(file): sorted(OUTSIDE_WORLD & imported_names(file)) for file in heart}
    assert not {name: found for name, found in importing.items() if found}
    calling = [
        f"{name_of(file)}:{line} {name}" for file in heart for line, name in calls(file) if name in OUTSIDE_CALLS
    ]
    assert not calling, f"pass the value in: {calling}"


def test_the_kernel_knows_attrs_and_the_standard_library() -> None:
    known = KERNEL_MAY_IMPORT | sys.stdlib_module_names
    foreign = {name_of(file): top_names(file) - known for file in python_files("tallystick/kernel")}
    assert not {name: found for name, found in foreign.items() if found}


def test_sql_stands_in_sql_files() -> None:
    rooms = python_files("tallystick/authority", "tallystick/device")
    found = [f"{name_of(file)}:{line}" for file in rooms for line, text in strings(file) if SQL.match(text)]
    assert not found, f"name these queries in the room's queries.sql: {found}"
