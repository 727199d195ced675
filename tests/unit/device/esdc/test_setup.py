"""From stored commands to what the device works with."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from esdc_bench import PREFIX, configuration, setup_commands

from tallystick.device.esdc.setup import SetupProblem, build_setup, find_zone
from tallystick.device.esdc.windows_zones import IANA_NAMES
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_invoice import encode_json

PAYLOADS = {command.type: command.payload for command in setup_commands()}


def test_the_initialization_set_makes_a_setup() -> None:
    setup = build_setup(PAYLOADS, LANGUAGES, "UTC")
    assert setup.verification_prefix == PREFIX
    assert [group.group_id for group in setup.rate_groups] == [1, 2]
    assert setup.zone == ZoneInfo("Pacific/Auckland")
    assert setup.languages[0] == "en-US"


@pytest.mark.parametrize("missing", [0, 2, 7])
def test_s2_002_without_one_of_the_needed_commands_there_is_no_setup(missing: int) -> None:
    with pytest.raises(SetupProblem, match="waiting"):
        build_setup({kind: payload for kind, payload in PAYLOADS.items() if kind != missing}, LANGUAGES, "UTC")


def test_s2_070_no_common_language_is_a_configuration_error() -> None:
    foreign = encode_json(environment_parameters(configuration(("xx-XX",)))).decode()
    with pytest.raises(SetupProblem, match="language"):
        build_setup({**PAYLOADS, 7: foreign}, LANGUAGES, "UTC")


def test_zone_names_of_both_worlds_and_the_devices_own_for_unknown_ones() -> None:
    assert find_zone("Central Europe Standard Time", "UTC") == ZoneInfo("Europe/Budapest")
    assert find_zone("Europe/Belgrade", "UTC") == ZoneInfo("Europe/Belgrade")
    assert find_zone("Middle Earth Standard Time", "Europe/Belgrade") == ZoneInfo("Europe/Belgrade")
    with pytest.raises(SetupProblem):
        find_zone("", "Middle/Earth")


def test_every_zone_of_the_table_exists() -> None:
    assert all(ZoneInfo(name) for name in IANA_NAMES.values())
    assert IANA_NAMES["Fiji Standard Time"] == "Pacific/Fiji"
