"""Accept-Language as POS send it (wire: 2.2; S2-069 to S2-072)."""

from __future__ import annotations

import pytest

from tallystick.wire.pos_languages import LanguageNotOffered, asked_languages, choose_language, common_languages

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
        (" , ;", []),
    ],
)
def test_s2_072_the_list_is_split_at_commas_and_semicolons_and_qualities_are_dropped(
    header: str, asked: list[str]
) -> None:
    assert asked_languages(header) == asked


@pytest.mark.parametrize(
    ("header", "chosen"),
    [(None, "sr-Cyrl-RS"), ("", "sr-Cyrl-RS"), ("fr-FR;en-us", "en-US"), ("fr-FR, *", "sr-Cyrl-RS")],
)
def test_the_first_supported_language_wins(header: str | None, chosen: str) -> None:
    assert choose_language(header, SUPPORTED) == chosen


def test_none_supported_is_refused() -> None:
    with pytest.raises(LanguageNotOffered):
        choose_language("fr-FR, de-DE", SUPPORTED)
