"""The shared services, which ask for no token (wire: 6.2), and the commands that initialise a device from them."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.configuration import Configuration, environment_parameters
from tallystick.wire.pos_values import encode_json
from tallystick.wire.tax_rates import write_tax_rate_groups
from tallystick.wire.taxcore_api import (
    CommandType,
    write_encryption_certificate,
    write_environments,
    write_tax_rates,
)


class SharedDocuments:
    """Answers of the shared services, written once and again when the rates change."""

    def __init__(self, services: SdcServices) -> None:
        self._services = services
        self.configuration = encode_json(environment_parameters(services.configuration))
        self.environments = write_environments(services.environments)
        self.encryption_certificate = write_encryption_certificate(services.encryption_certificate)
        self._rates_for: tuple[TaxRateGroup | None, tuple[TaxRateGroup, ...]] | None = None
        self._rates = b""
        self._all_groups: tuple[TaxRateGroup, ...] | None = None
        self._wanted: list[tuple[CommandType, str]] | None = None

    def tax_rates(self) -> bytes:
        """The group in force now, and all groups."""
        rates = self._services.rates
        wanted = (rates.group_at(self._services.clock()), rates.groups)
        if self._rates_for is None or wanted[0] is not self._rates_for[0] or wanted[1] is not self._rates_for[1]:
            self._rates = write_tax_rates(*wanted, current_as_array=self._services.current_rates_as_array)
            self._rates_for = wanted
        return self._rates

    def initial_commands(self) -> list[tuple[CommandType, str]]:
        """The set that initialises a device: rates, time server, verification address, environment (S2-002)."""
        groups = self._services.rates.groups
        if self._wanted is None or groups is not self._all_groups:
            self._wanted = initial_commands(self._services.configuration, groups)
            self._all_groups = groups
        return self._wanted


def initial_commands(configuration: Configuration, groups: Iterable[TaxRateGroup]) -> list[tuple[CommandType, str]]:
    """Kinds and payloads of the set that initialises a device, in the order in which it runs them."""
    rates = list(groups)
    wanted = [
        (CommandType.SET_TAX_RATES, write_tax_rate_groups(rates) if rates else ""),
        (CommandType.SET_TIME_SERVER_URL, configuration.ntp_server),
        (CommandType.SET_VERIFICATION_URL, configuration.verification_prefix),
        (CommandType.SET_TAX_CORE_CONFIGURATION, encode_json(environment_parameters(configuration)).decode()),
    ]
    return [(kind, payload) for kind, payload in wanted if payload]
