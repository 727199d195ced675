"""The register's words, on paper and on its page: one TOML file a language; adding a language is adding a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

import attrs

FALLBACK = "en-US"


@attrs.frozen(slots=True, kw_only=True)
class Words:
    """One language. A missing word is our own bug, and a test compares the files."""

    tag: str
    name: str
    date_time: str
    decimal_mark: str
    group_mark: str
    tables: Mapping[str, Mapping[str, str]]

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
    found = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def words_of(tag: str) -> Words:
    """Read a language; raises `KeyError` when there is none of that tag."""
    if tag not in language_tags():
        raise KeyError(tag)
    content = tomllib.loads(files(__package__).joinpath(f"{tag}.toml").read_text(encoding="utf-8"))
    plain = {name: value for name, value in content.items() if isinstance(value, str)}
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    return Words(tag=tag, tables=tables, **plain)


def offered(languages: Iterable[str]) -> tuple[Words, ...]:
    """The country's languages that there are words of, in its order; English where there are none."""
    known = {tag.lower(): tag for tag in language_tags()}
    tags = dict.fromkeys(known[tag.lower()] for tag in languages if tag.lower() in known)
    return tuple(words_of(tag) for tag in tags or (FALLBACK,))
