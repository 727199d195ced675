"""The shared services: environment, rates, environments, encryption certificate; without any authentication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.wire.taxcore_api import (
    parse_configuration,
    read_encryption_certificate,
    read_environments,
    read_tax_rates,
)

Start = Callable[..., Any]


def test_the_shared_services_ask_for_nothing(authority: Any) -> None:
    stranger = authority.stranger()
    configuration = stranger.call("GET", "/api/v3/configuration")
    assert configuration.headers["content-type"] == "application/json"
    assert parse_configuration(configuration.body) == authority.services.configuration
    (environment,) = read_environments(stranger.call("GET", "/api/v3/environments").body)
    assert environment.url == "test.example"
    certificate = read_encryption_certificate(stranger.call("GET", "/api/v3/encryption-certificate").body)
    assert certificate == authority.pki.ours.encryption_certificate


def test_tax_rates_follow_the_clock_and_what_is_published(authority: Any) -> None:
    stranger = authority.stranger()
    first = stranger.call("GET", "/api/v3/tax-rates")
    assert isinstance(first.json["currentTaxRates"], list), "an array, as documented (C-02)"
    current, everything = read_tax_rates(first.body)
    assert current is not None
    assert (current.group_id, len(everything)) == (1, 1)
    later = type(current)(authority.clock.now + timedelta(days=1), 2, current.categories)
    with authority.database() as conn:
        taxrates.publish_group(conn, later)
    authority.refresh()
    current, everything = read_tax_rates(stranger.call("GET", "/api/v3/tax-rates").body)
    assert current is not None
    assert (current.group_id, len(everything)) == (1, 2)
    authority.clock.now += timedelta(days=1)
    current, _ = read_tax_rates(stranger.call("GET", "/api/v3/tax-rates").body)
    assert current is not None
    assert current.group_id == 2


def test_c_02_the_object_form_of_the_current_rates(start: Start) -> None:
    reply = start(current_rates_as_array=False).stranger().call("GET", "/api/v3/tax-rates")
    assert reply.json["currentTaxRates"]["groupId"] == 1


@pytest.mark.parametrize(
    "path", ["//api//v3/configuration", "/api/v3/configuration/", "/API/v3/Configuration", "/api/v3/configuration?x=1"]
)
def test_paths_are_read_as_devices_join_them(authority: Any, path: str) -> None:
    assert authority.stranger().call("GET", path).status == 200
