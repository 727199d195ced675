"""The fence: SHA-1, PKCS#1 v1.5 and CBC are named in one module only (K-01, K-11)."""

from __future__ import annotations

import ast
from pathlib import Path

import tallystick.crypto

PACKAGE = Path(tallystick.crypto.__file__).parent
FENCED = {"SHA1", "SHA224", "PKCS1v15", "CBC", "ECB", "TripleDES", "ARC4", "MD5", "dsa", "DSAPublicKey"}
FENCE = PACKAGE / "legacy"
FENCE_NAME = "tallystick.crypto.legacy"


def named(file: Path) -> set[str]:
    """Attributes and imported names that the file uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
    return found


def imports_the_fence(file: Path) -> bool:
    """Whether a file imports the fence, or anything of it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            whole = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            whole = {alias.name for alias in node.names}
        else:
            continue
        if any(name == FENCE_NAME or name.startswith(f"{FENCE_NAME}.") for name in whole):
            return True
    return False


def test_k_01_old_primitives_are_named_in_the_fence_only() -> None:
    for file in PACKAGE.rglob("*.py"):
        if not file.is_relative_to(FENCE):
            assert not named(file) & FENCED, f"{file.name} names an old primitive"


def test_the_fence_itself_holds_them() -> None:
    assert {"SHA1", "PKCS1v15", "CBC"} <= named(FENCE / "__init__.py")
    assert {"SHA1", "SHA224", "ECB", "TripleDES", "dsa"} <= named(FENCE / "old.py")


def test_k_01_no_entry_of_the_fence_is_reached_past_the_registry() -> None:
    """Only the modules that ask the registry first import the fence."""
    naming = [file for file in PACKAGE.parent.rglob("*.py") if imports_the_fence(file)]
    outside = {file.relative_to(PACKAGE).as_posix() for file in naming if not file.is_relative_to(FENCE)}
    assert outside == {"archive.py", "envelope.py", "module_algorithms.py", "signatures.py"}
