"""Which language a POS gets: the first of its list that this device and the authority speak (S2-069 to S2-072)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_QUALITY = re.compile(r"\s*q\s*=.*", re.IGNORECASE)


class LanguageNotOffered(Exception):
    """None of the languages that the POS asks for is spoken here: HTTP 406."""


def common_languages(device: Iterable[str], authority: Iterable[str]) -> tuple[str, ...]:
    """The languages that both speak, in the authority's order and the device's spelling."""
    known = {language.lower(): language for language in device}
    return tuple(known[language.lower()] for language in authority if language.lower() in known)


def asked_languages(header: str) -> list[str]:
    """The languages of an Accept-Language header in order: separated by commas or semicolons, `q=` values dropped."""
    parts = (part.strip() for piece in header.split(",") for part in piece.split(";"))
    return [part for part in parts if part and _QUALITY.fullmatch(part) is None]


def choose_language(header: str | None, supported: Sequence[str]) -> str:
    """The first asked language that is supported; without a header the first supported one.

    Raises `LanguageNotOffered`.
    """
    asked = asked_languages(header) if header else []
    if not asked:
        return supported[0]
    known = {language.lower(): language for language in supported}
    for language in asked:
        if language == "*":
            return supported[0]
        if language.lower() in known:
            return known[language.lower()]
    raise LanguageNotOffered(header)
