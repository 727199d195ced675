"""The fence: SHA-1, PKCS#1 v1.5 and CBC are named in one module only (K-01, K-11)."""

from __future__ import annotations

import ast
from pathlib import Path

import tallystick.crypto

PACKAGE = Path(tallystick.crypto.__file__).parent
FENCED = {"SHA1", "PKCS1v15", "CBC", "TripleDES", "ARC4", "MD5"}


def named(file: Path) -> set[str]:
    """Attributes and imported names that the file uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
    return found


def test_k_01_old_primitives_are_named_in_the_fence_only() -> None:
    for file in PACKAGE.rglob("*.py"):
        if file.name != "legacy.py":
            assert not named(file) & FENCED, f"{file.name} names an old primitive"


def test_the_fence_itself_holds_them() -> None:
    assert {"SHA1", "PKCS1v15", "CBC"} <= named(PACKAGE / "legacy.py")


def test_k_01_no_entry_of_the_fence_is_reached_past_the_registry() -> None:
    """Only the two modules that ask the registry first import the fence."""
    users = {file.name for file in PACKAGE.rglob("*.py") if "legacy" in named(file)}
    assert users == {"envelope.py", "signatures.py"}
    root = PACKAGE.parent
    outside = [file for file in root.rglob("*.py") if "crypto.legacy" in file.read_text(encoding="utf-8")]
    assert [file.relative_to(root).as_posix() for file in outside if file.parent != PACKAGE] == []
