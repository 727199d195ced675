"""The words of the device's page: one TOML file a language, so that adding a language is adding a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

import attrs

_FOLDER = "words"
FALLBACK = "en-US"


@attrs.frozen(slots=True, kw_only=True)
class Words:
    """One language. `tables` are those of its file; a missing word is our own bug, and a test compares the files."""

    tag: str
    name: str
    date_time: str
    date: str
    decimal_mark: str
    group_mark: str
    tables: Mapping[str, Mapping[str, str]]
    notices: Mapping[str, Mapping[str, str]]

    def say(self, table: str, name: str) -> str:
        """A word."""
        return self.tables[table][name]

    def number(self, value: Decimal | int, places: int = 0) -> str:
        """A number as people here write it."""
        plain = f"{value:,.{places}f}"
        return plain.translate({ord(","): self.group_mark, ord("."): self.decimal_mark})

    def moment(self, at: datetime) -> str:
        """Date and time to the second."""
        return at.strftime(self.date_time)


@cache
def language_tags() -> tuple[str, ...]:
    """The languages that there are files of."""
    found = (entry.name for entry in files(__package__).joinpath(_FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def words_of(tag: str) -> Words:
    """Read a language; raises `KeyError` when there is none of that tag."""
    if tag not in language_tags():
        raise KeyError(tag)
    text = files(__package__).joinpath(_FOLDER, f"{tag}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    plain = {name: value for name, value in content.items() if isinstance(value, str)}
    notices = content.pop("notice")
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    return Words(tag=tag, tables=tables, notices=notices, **plain)


def offered(languages: Iterable[str]) -> tuple[Words, ...]:
    """The country's languages that there are words of, in its order; English where there are none."""
    known = {tag.lower(): tag for tag in language_tags()}
    tags = [known[tag.lower()] for tag in languages if tag.lower() in known]
    return tuple(words_of(tag) for tag in tags or [FALLBACK])
