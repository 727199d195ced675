"""What the tidy tests look at: the files of the repository, each parsed once."""

import ast
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "tallystick"


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or would be, in the repository; in a tree without git, every file outside of `.venv`."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        found = [REPOSITORY / name for name in done.stdout.decode().split("\0") if name]
    else:
        found = [file for file in REPOSITORY.rglob("*") if not any(part.startswith(".venv") for part in file.parts)]
    return tuple(sorted(file for file in found if file.is_file()))


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """The Python files under the named folders of the repository, or all of them."""
    roots = [REPOSITORY / folder for folder in folders] or [REPOSITORY]
    return tuple(
        file for file in repository_files() if file.suffix == ".py" and any(file.is_relative_to(root) for root in roots)
    )


@cache
def tree(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def name_of(file: Path) -> str:
    """How a failed test names the file."""
    return str(file.relative_to(REPOSITORY))


def module_of(file: Path) -> str:
    """`tallystick.kit.retry` for its file; a package for its `__init__.py`."""
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported_names(file: Path) -> frozenset[str]:
    """Every dotted name that the file imports; `from a import b` counts as `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


@cache
def strings(file: Path) -> tuple[tuple[int, str], ...]:
    """Line and text of every string constant that is not a docstring."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree(file))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return tuple(
        (node.lineno, node.value)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    )
