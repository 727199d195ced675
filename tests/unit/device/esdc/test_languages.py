"""Accept-Language as POS send it (wire: 2.2; S2-069 to S2-072)."""

from __future__ import annotations

import pytest

from tallystick.wire.pos_languages import (
    LanguageNotOffered,
    asked_languages,
    choose_language,
    common_languages,
    matches,
)

SUPPORTED = ("sr-Cyrl-RS", "en-US", "sr-Latn-RS")


def test_s2_069_common_languages_are_in_the_authoritys_order_and_the_devices_spelling() -> None:
    assert common_languages(("en-US", "sr-Cyrl-RS"), ("sr-cyrl-rs", "fr-FR", "EN-us")) == ("sr-Cyrl-RS", "en-US")
    assert common_languages(("en-US",), ("fr-FR",)) == ()


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("en-US", ["en-US"]),
        ("sr-Cyrl-RS;en-US", ["sr-Cyrl-RS", "en-US"]),
        ("fr-FR;q=0.9, en-US;q=0.8", ["fr-FR", "en-US"]),
        ("fr-FR; Q = 1 ,en-US", ["fr-FR", "en-US"]),
        ("fr-FR;q=0.1, en-US;q=0.8", ["en-US", "fr-FR"]),
        ("fr-FR;q=0.5;en-US", ["en-US", "fr-FR"]),
        ("fr-FR;q=0, en-US", ["en-US"]),
        ("fr-FR;q=2, en-US;q=x, de;q=0.9999", ["fr-FR", "en-US", "de"]),
        ("q=0.5, en-US", ["en-US"]),
        (" , ;", []),
    ],
)
def test_s2_072_the_list_is_split_at_commas_and_semicolons_and_weighed(header: str, asked: list[str]) -> None:
    assert asked_languages(header) == asked


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "sr-Cyrl-RS"),
        ("", "sr-Cyrl-RS"),
        ("fr-FR;en-us", "en-US"),
        ("fr-FR, *", "sr-Cyrl-RS"),
        ("sr-Latn-RS;q=0.5, en-US;q=0.9", "en-US"),
        ("*;q=0.1, sr-Latn-RS", "sr-Latn-RS"),
        ("en", "en-US"),
        ("EN, sr", "en-US"),
        ("sr", "sr-Cyrl-RS"),
        ("sr-Latn", "sr-Latn-RS"),
        ("sr, sr-Cyrl-RS;q=0", "sr-Latn-RS"),
        ("*, sr;q=0", "en-US"),
    ],
)
def test_the_first_supported_language_wins(header: str | None, chosen: str) -> None:
    assert choose_language(header, SUPPORTED) == chosen


@pytest.mark.parametrize(
    "header", ["fr-FR, de-DE", "e", "en-U", "en-US-x", "s", "sr-RS", "*;q=0", "en-US;q=0", "en;q=0, en-US", "-", "en-"]
)
def test_s2_072_none_supported_is_refused(header: str) -> None:
    """A range is a whole part of a tag: `e` is not `en`, and a longer range than the tag asks for more than it is."""
    with pytest.raises(LanguageNotOffered):
        choose_language(header, SUPPORTED)


@pytest.mark.parametrize(
    ("language_range", "tag", "expected"),
    [
        ("de", "de-DE", True),
        ("de-de", "de-DE-1996", True),
        ("de-de", "de-Deva", False),
        ("de-de", "de-Latn-DE", False),
        ("de", "de", True),
    ],
)
def test_ranges_match_by_basic_filtering(language_range: str, tag: str, expected: bool) -> None:
    """The examples of RFC 4647, section 3.3.1."""
    assert matches(language_range, tag) is expected
