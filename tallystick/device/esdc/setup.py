"""From the stored initialization commands to what the device works with; says what is missing (S2-002, S2-070)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallystick.device.esdc.facts import Setup
from tallystick.device.esdc.windows_zones import IANA_NAMES
from tallystick.wire.configuration import parse_configuration
from tallystick.wire.pos_languages import common_languages
from tallystick.wire.tax_rates import parse_tax_rate_groups
from tallystick.wire.taxcore_api import CommandType

NEEDED = (CommandType.SET_TAX_RATES, CommandType.SET_VERIFICATION_URL, CommandType.SET_TAX_CORE_CONFIGURATION)


class SetupProblem(Exception):
    """The device cannot fiscalise yet, and why: code 2400 towards a POS."""


def build_setup(payloads: Mapping[int, str], device_languages: Iterable[str], fallback_zone: str) -> Setup:
    """Read the stored payloads; raises `SetupProblem` when one is missing or no language is common."""
    missing = [kind.name for kind in NEEDED if kind not in payloads]
    if missing:
        raise SetupProblem(f"waiting for the authority's commands: {', '.join(missing)}")
    configuration = parse_configuration(payloads[CommandType.SET_TAX_CORE_CONFIGURATION])
    languages = common_languages(device_languages, configuration.supported_languages)
    if not languages:
        raise SetupProblem("the authority and this device speak no common language")
    return Setup(
        rate_groups=parse_tax_rate_groups(payloads[CommandType.SET_TAX_RATES]),
        verification_prefix=payloads[CommandType.SET_VERIFICATION_URL],
        configuration=configuration,
        zone=find_zone(configuration.server_time_zone, fallback_zone),
        languages=languages,
    )


def find_zone(server_time_zone: str, fallback: str) -> tzinfo:
    """The zone of a Windows or IANA name; the device's own where the name is unknown."""
    for name in (IANA_NAMES.get(server_time_zone), server_time_zone, fallback):
        if not name:
            continue
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    raise SetupProblem(f"no such time zone: {fallback}")
