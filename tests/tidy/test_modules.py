"""Every module says what it is for, is reached from an entry point, and keeps a readable size."""

import ast

from sources import imported_names, module_of, name_of, python_files, strings, tree

# Where running begins: the command, and what Django loads by name.
ENTRY_POINTS = ("tallystick", "tallystick.__main__", "tallystick.cli")
LOADED_BY_NAME = ("tallystick.ops.schema.migrations.", "tallystick.portals.settings")
# Django looks these names up inside every installed app.
LOADED_BY_DJANGO = ("apps", "models", "templatetags", "context_processors", "management")
LONGEST_MODULE_LINES = 350
# Long data is fine, long logic is not: these are tables.
TABLES = frozenset({"tallystick/kernel/fault_catalogue.py"})
FEWEST_WORDS = 4


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name_of(file) for file in python_files() if len((ast.get_docstring(tree(file)) or "").split()) < FEWEST_WORDS
    ]
    assert not silent, f"no docstring of purpose in {silent}"


def test_every_module_is_reached_from_an_entry_point() -> None:
    modules = {module_of(file): file for file in python_files("tallystick")}
    assert len(modules) > len(ENTRY_POINTS)
    reached: set[str] = set()
    waiting = [name for name in modules if name in ENTRY_POINTS or name.startswith(LOADED_BY_NAME)]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in modules:
            continue
        reached.add(name)
        texts = {text for _, text in strings(modules[name])}  # a module by its name, or a class in it
        waiting += set(imported_names(modules[name])) | texts | {text.rpartition(".")[0] for text in texts}
        waiting += [".".join(name.split(".")[:length]) for length in range(1, name.count(".") + 1)]
        if name.startswith("tallystick.portals."):
            waiting += [f"{name}.{part}" for part in LOADED_BY_DJANGO]
            waiting += [other for other in modules if other.startswith(f"{name}.templatetags.")]
    orphans = sorted(set(modules) - reached)
    assert not orphans, f"nothing that runs ever reaches {orphans}"


def test_a_module_keeps_a_readable_size() -> None:
    lengths = {name_of(file): file.read_text("utf-8").count("\n") for file in python_files()}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE_LINES and name not in TABLES}
    assert not long, f"more than {LONGEST_MODULE_LINES} lines; what are their parts? {long}"
