"""Documents that must keep up: settings, commands, fault codes, dependencies."""

import re
import tomllib
from collections.abc import Iterator

import typer
from sources import REPOSITORY, name_of, python_files, strings

from tallystick.cli import app
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.ops.settings import FILE_VARIABLE, HANDED_DOWN, PREFIX, Settings, setting_rows

SETTINGS_PAGE = REPOSITORY / "docs/operations/settings.md"
COMMANDS_PAGE = REPOSITORY / "docs/operations/commands.md"
ERRORS = REPOSITORY / "docs/errors"
VARIABLE = re.compile(rf"\b{PREFIX}[A-Z][A-Z_]+\b")
FAULT_CODE = re.compile(r"\bTS-\d{4}\b")


def commands(group: typer.core.TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def command_names() -> list[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return list(commands(group, "tallystick"))


def test_every_setting_stands_on_its_page_as_the_program_has_it() -> None:
    page = SETTINGS_PAGE.read_text(encoding="utf-8").splitlines()
    missing = [row for row in setting_rows() if row not in page]
    assert not missing, "docs/operations/settings.md lacks or differs:\n" + "\n".join(missing)
    described = {line.split("`")[1] for line in page if line.startswith("| `")}
    assert described == set(Settings.__struct_fields__), "the page describes settings that do not exist"


def test_every_variable_that_the_program_reads_is_a_setting_or_handed_down_and_documented() -> None:
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__} | HANDED_DOWN | {FILE_VARIABLE}
    page = SETTINGS_PAGE.read_text(encoding="utf-8")
    for file in python_files("tallystick"):
        for line, text in strings(file):
            for name in VARIABLE.findall(text):
                assert name in known, (
                    f"{name_of(file)}:{line} reads {name}, which tallystick.ops.settings does not know"
                )
                assert name in page, f"{name} is not in docs/operations/settings.md"


def test_every_command_stands_on_its_page_and_explains_itself() -> None:
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    missing = [name for name in command_names() if f"`{name}`" not in page and f"`{name} " not in page]
    assert not missing, f"docs/operations/commands.md lacks {missing}"
    known = set(command_names())
    for mentioned in re.findall(r"^\| `(tallystick [a-z -]+?)(?: [A-Z<\[-].*?)?`", page, re.MULTILINE):
        assert mentioned in known, f"docs/operations/commands.md describes {mentioned}, which does not exist"


def test_every_fault_code_has_its_page() -> None:
    pages = {page.stem: page.read_text(encoding="utf-8") for page in ERRORS.glob("TS-*.md")}
    missing = [code for code, kind in CATALOGUE.items() if kind.title not in pages.get(code, "")]
    assert not missing, f"docs/errors has no page with the code's title for {missing}"
    assert set(pages) <= set(CATALOGUE), "docs/errors has pages of codes that do not exist"


def test_every_fault_code_in_the_program_is_in_the_catalogue() -> None:
    unknown = {
        (name_of(file), code)
        for file in python_files("tallystick")
        for _, text in strings(file)
        for code in FAULT_CODE.findall(text)
        if code not in CATALOGUE
    }
    assert not unknown


def test_every_make_target_is_explained() -> None:
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert [target for target in phony[1].split() if target != "help" and f"`make {target}`" not in page] == []


def test_the_project_names_what_the_pinned_files_are_made_from() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    named = {re.split(r"[<>=\[]", line)[0].lower() for line in project["project"]["dependencies"]}
    sources = "\n".join((REPOSITORY / "requirements" / f"{name}.in").read_text() for name in ("run", "postgres"))
    pinned = {re.split(r"[=\[]", line)[0].lower() for line in sources.splitlines() if line and line[0] not in "#-"}
    assert named == pinned
