"""Which language a POS gets: the first of its list that this device and the authority speak (S2-069 to S2-072).

The list is an Accept-Language header as HTTP has it (RFC 9110 §12.5.4, ranges by basic filtering, RFC 4647 §3.3.1), or
as the documentation of the wire writes it, with semicolons between languages (wire: 2.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_QUALITY = re.compile(r"q\s*=\s*(?P<value>.*)", re.IGNORECASE)
_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?", re.ASCII)
_FULL = 1000


class LanguageNotOffered(Exception):
    """None of the languages that the POS asks for is spoken here: HTTP 406."""


def common_languages(device: Iterable[str], authority: Iterable[str]) -> tuple[str, ...]:
    """The languages that both speak, in the authority's order and the device's spelling."""
    known = {language.lower(): language for language in device}
    return tuple(known[language.lower()] for language in authority if language.lower() in known)


def weighed_ranges(header: str) -> list[tuple[str, int]]:
    """The ranges of a header in the order sent, each with its weight in thousandths (absent or unreadable: 1000).

    Commas and semicolons separate; a ``q=`` belongs to the range before it.
    """
    found: list[tuple[str, int]] = []
    for piece in header.split(","):
        in_this_piece = False
        for part in map(str.strip, piece.split(";")):
            quality = _QUALITY.fullmatch(part)
            if quality is None and part:
                found.append((part, _FULL))
                in_this_piece = True
            elif quality is not None and in_this_piece:
                found[-1] = (found[-1][0], _thousandths(quality["value"].strip()))
    return found


def asked_languages(header: str) -> list[str]:
    """The ranges that a POS wants, best first, equal ones in the order sent; weight 0 is no wish."""
    wanted = [one for one in weighed_ranges(header) if one[1]]
    return [language for language, _ in sorted(wanted, key=lambda one: -one[1])]


def choose_language(header: str | None, supported: Sequence[str]) -> str:
    """The first supported language that a range of the header matches; without a header the first supported one.

    Raises `LanguageNotOffered`.
    """
    ranges = weighed_ranges(header) if header else []
    if not ranges:
        return supported[0]
    refused = [language for language, weight in ranges if not weight and language != "*"]
    offered = [tag for tag in supported if not any(matches(one, tag) for one in refused)]
    for one in asked_languages(header or ""):
        for tag in offered:
            if one == "*" or matches(one, tag):
                return tag
    raise LanguageNotOffered(header)


def matches(language_range: str, tag: str) -> bool:
    """Basic filtering: the range is the tag, or a part of it that ends at a hyphen (`en` matches `en-US`)."""
    asked, known = language_range.lower(), tag.lower()
    return known == asked or known.startswith(f"{asked}-")


def _thousandths(text: str) -> int:
    if _WEIGHT.fullmatch(text) is None:
        return _FULL
    whole, _, fraction = text.partition(".")
    return min(int(whole) * _FULL + int(fraction.ljust(3, "0")), _FULL)
