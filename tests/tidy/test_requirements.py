"""docs/requirements.md keeps up with the tests: proofs exist, rows stand once, and no row that a test names is lost."""

import ast
import re
from collections.abc import Iterator

from sources import REPOSITORY, name_of, python_files, tree

PAGE = REPOSITORY / "docs/requirements.md"
ROW = re.compile(r"S0-\d{3}|S1-\d{3}|S2-\d{3}|E-\d{2}|K-\d{2}")
LINE = re.compile(r"^\| (?P<row>[A-Z]\w?-\w+) \| (?P<words>.+?) \|(?: (?P<proof>.+) \|)?$", re.MULTILINE)
NAMED_PROOF = re.compile(r"`([\w./]+\.py)::(\w+)`")
LINKED_PROOF = re.compile(r"\[docs/([\w./-]+)\]\(([\w./-]+)\)")
FEWEST_PROVED = 100

# `S2-117 to S2-119`, `S2-128, 129`, and in names `s2_028_to_039`, `s2_015_s2_016`, `k11`.
SERIES = re.compile(
    r"\b(?:(S[012])[-_](\d{3})|(K)[-_]?(\d{2}))(?:(_to_|\s+to\s+)(?:\1[-_]?)?(\d{2,3}))?", re.IGNORECASE
)
FURTHER = re.compile(r"\b(S[012])-\d{3}((?:,\s*\d{3}\b)+)")


def lines() -> list[tuple[str, str, str]]:
    """Row, words and proof of each line of the page; an unproved row has no proof."""
    return [(one["row"], one["words"], one["proof"] or "") for one in LINE.finditer(PAGE.read_text(encoding="utf-8"))]


def named_in(text: str) -> Iterator[str]:
    """Every row that a text names, series written out."""
    for found in SERIES.finditer(text):
        source, first = (found[1] or found[3]).upper(), found[2] or found[4]
        for number in range(int(first), int(found[6] or first) + 1):
            yield f"{source}-{number:0{len(first)}}"
    for found in FURTHER.finditer(text):
        for number in re.findall(r"\d{3}", found[2]):
            yield f"{found[1]}-{number}"


def every_test() -> Iterator[tuple[str, str, str]]:
    """File, name and docstring of each test."""
    for file in python_files("tests"):
        for node in ast.walk(tree(file)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
                yield name_of(file), node.name, ast.get_docstring(node) or ""


def test_each_row_has_a_known_form_and_stands_once() -> None:
    rows = [row for row, _, _ in lines()]
    assert len([proof for _, _, proof in lines() if proof]) >= FEWEST_PROVED
    assert not [row for row in rows if not ROW.fullmatch(row)]
    assert sorted(rows) == sorted(set(rows))


def test_each_proof_exists() -> None:
    functions = {
        (name_of(file), node.name)
        for file in python_files("tests", "benchmarks")
        for node in ast.walk(tree(file))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    for row, _, proof in lines():
        named, linked = NAMED_PROOF.findall(proof), LINKED_PROOF.findall(proof)
        assert len(named) + len(linked) == len(proof.split(", ")) or not proof, f"{row}: {proof} is no list of proofs"
        for path, name in named:
            place = path if path.startswith("benchmarks/") else f"tests/{path}"
            assert (place, name) in functions, f"{row}: there is no {path}::{name}"
        for shown, target in linked:
            assert shown == target, f"{row}: the link says {shown} and leads to {target}"
            assert (PAGE.parent / target).is_file(), f"{row}: there is no docs/{target}"


def test_each_proof_of_a_guide_exists() -> None:
    known = {
        f"{name_of(file).removeprefix('tests/')}::{node.name}"
        for file in python_files("tests")
        for node in ast.walk(tree(file))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    for guide in (PAGE.parent / "guides").glob("*.md"):
        for path, name in NAMED_PROOF.findall(guide.read_text(encoding="utf-8")):
            assert f"{path}::{name}" in known, f"{guide.name}: there is no {path}::{name}"


def test_each_row_that_a_test_names_is_on_the_page() -> None:
    known = {row for row, _, _ in lines()}
    lost = {
        f"{row} in {file}::{name}"
        for file, name, docstring in every_test()
        for row in (
            *named_in(name.replace("test_", " ", 1).replace("_s", " s").replace("_k", " k")),
            *named_in(docstring),
        )
        if row not in known
    }
    assert not lost, "docs/requirements.md lacks " + ", ".join(sorted(lost))


def test_series_are_written_out() -> None:
    assert list(named_in(" s2_028_to_039_the")) == [f"S2-0{number}" for number in range(28, 40)]
    assert list(named_in(" k_12 s2_009")) == ["K-12", "S2-009"]
    assert list(named_in("S0-001, 002; S2-117 to S2-119, k11")) == [
        "S0-001",
        "S2-117",
        "S2-118",
        "S2-119",
        "K-11",
        "S0-002",
    ]
