"""Which notices hold, in which order, and that every language says all of them (S2-121 to S2-131)."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.device.esdc.activity import SHOWN_SECONDS, Activity, Doing
from tallystick.device.esdc.face.notices import Findings, Notice, Tone, notices
from tallystick.device.esdc.face.parts import notice_lines, symbol, text
from tallystick.device.esdc.face.words import language_tags, offered, words_of
from tallystick.device.esdc.status import MakerCode
from tallystick.kernel.status_codes import StatusCode
from tallystick.ops.packs import available_packs, load_pack

GOOD = ("0100", "0210")


def held(**changes: Any) -> tuple[Notice, ...]:
    values: dict[str, Any] = {"has_card": True, "codes": GOOD, "maker_codes": ()} | changes
    return notices(Findings(**values))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, ("ready",)),
        ({"has_card": False, "codes": ("1300",)}, ("card-missing",)),
        ({"has_card": False, "codes": ("2220",)}, ("card-unreachable",)),
        ({"has_card": False, "codes": ("1999",), "maker_codes": ("9005",)}, ("store-taken",)),
        ({"codes": ("1500",)}, ("enter-pin",)),
        ({"codes": ("2110", "1500")}, ("card-locked",)),
        ({"codes": ("0100", "2400"), "missing": ("rates", "address")}, ("not-configured",)),
        ({"missing": ("time-server",)}, ("not-configured", "ready")),
        ({"codes": ("0100", "1400")}, ("ready", "audit-time")),
        ({"codes": ("0100", "2210", "1400")}, ("limit-reached", "audit-time")),
        ({"storage_low": True, "codes": ("0100", "1100")}, ("ready", "storage-almost-full", "audit-time")),
        ({"storage_low": True, "codes": ("0100", "1100"), "maker_codes": ("9002",)}, ("storage-full", "audit-time")),
        ({"doing": {Doing.TRANSFER}}, ("ready", "transfer")),
        ({"doing": {Doing.MEDIUM, Doing.COMMANDS}}, ("ready", "medium", "commands")),
        ({"updating": True}, ("updating", "ready")),
        ({"codes": ("0100", "2809")}, ("card-expired",)),
        ({"codes": ("0100", "2220"), "maker_codes": ("9006",)}, ("card-disagrees",)),
        ({"codes": ("0100", "2220")}, ("card-unreachable",)),
        ({"maker_codes": ("9001",)}, ("clock-wrong",)),
        ({"maker_codes": ("9010", "9011")}, ("ready", "clock-differs", "clock-overdue")),
        ({"codes": ("1500",), "maker_codes": ("9003",)}, ("pin-paused", "enter-pin")),
    ],
)
def test_s2_121_what_holds_is_told_most_urgent_first(found: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert held(**found) == expected


def test_every_code_of_ours_that_stops_a_sale_takes_ready_away() -> None:
    for code in (MakerCode.CLOCK_WRONG, MakerCode.STORAGE_FULL, MakerCode.STORE_TAKEN):
        assert Notice.READY not in held(maker_codes=(code,))
    for status in (StatusCode.SECURE_ELEMENT_LOCKED, StatusCode.NOT_CONFIGURED, StatusCode.SECURE_ELEMENT_EXPIRED):
        assert Notice.READY not in held(codes=("0100", status))


def test_each_urgency_has_a_shape_and_the_ten_of_the_list_are_told_apart() -> None:
    """Not by colour alone: no two of them share both shape and sign."""
    ten = (
        Notice.NOT_CONFIGURED,
        Notice.ENTER_PIN,
        Notice.READY,
        Notice.CARD_MISSING,
        Notice.TRANSFER,
        Notice.UPDATING,
        Notice.STORAGE_ALMOST_FULL,
        Notice.STORAGE_FULL,
        Notice.AUDIT_TIME,
        Notice.COMMANDS,
    )
    drawn = [symbol(notice) for notice in ten if notice not in (Notice.NOT_CONFIGURED, Notice.AUDIT_TIME)]
    assert len(set(drawn)) == len(drawn)
    shapes = {tone: next(symbol(one) for one in Notice if one.tone is tone).split("/>")[0] for tone in Tone}
    assert len(set(shapes.values())) == len(Tone)


@pytest.mark.parametrize("tag", language_tags())
def test_every_language_has_every_word(tag: str) -> None:
    mine, english = words_of(tag), words_of("en-US")
    assert {table: set(names) for table, names in mine.tables.items()} == {
        table: set(names) for table, names in english.tables.items()
    }
    assert set(mine.notices) == set(Notice) == set(english.notices)
    for notice in Notice:
        assert set(mine.notices[notice]) == set(english.notices[notice])
        title, advice = notice_lines(notice, mine, ("rates", "time-server"))
        assert title
        assert advice
    empty = [(table, name) for table, names in mine.tables.items() for name, word in names.items() if not word.strip()]
    assert not empty


@pytest.mark.parametrize("code", available_packs())
def test_every_language_of_a_pack_is_offered_in_its_order(code: str) -> None:
    languages = load_pack(code).languages
    assert tuple(words.tag for words in offered(languages)) == languages


def test_a_country_without_words_gets_english() -> None:
    assert [words.tag for words in offered(("xx-XX",))] == ["en-US"]


def test_s2_122_what_is_missing_is_named() -> None:
    _, advice = notice_lines(Notice.NOT_CONFIGURED, words_of("en-US"), ("rates", "address", "time-server"))
    assert "tax rates, verification address, time server" in advice
    _, advice = notice_lines(Notice.NOT_CONFIGURED, words_of("en-US"), ("no-language",))
    assert "no common language" in advice


def test_text_is_escaped_and_turns_nothing_round() -> None:
    assert text("<b>\u202e&\x00'\"") == "&lt;b&gt;[U+202E]&amp;[U+0000]&#x27;&quot;"


def test_s2_126_131_work_stays_visible_for_a_moment() -> None:
    seconds = [0.0]
    activity = Activity(lambda: seconds[0])
    assert not activity.now()
    with activity.of(Doing.COMMANDS), activity.of(Doing.TRANSFER):
        seconds[0] += 60
        assert activity.now() == {Doing.COMMANDS, Doing.TRANSFER}
    seconds[0] += SHOWN_SECONDS - 0.1
    assert activity.now() == {Doing.COMMANDS, Doing.TRANSFER}
    seconds[0] += 0.2
    assert not activity.now()
