"""The environment document: its members, keys that we do not know, and what is none."""

from __future__ import annotations

import json

import attrs
import pytest

from tallystick.kernel.faults import Fault
from tallystick.wire.configuration import Configuration, environment_parameters, parse_configuration
from tallystick.wire.pos_values import encode_json

CONFIGURATION = Configuration(
    organization_name="Revenue Service",
    server_time_zone="New Zealand Standard Time",
    street="1 Ice Runway",
    city="McMurdo",
    country="AQ",
    endpoints={
        "taxpayerAdminPortal": "https://tap.example:443/",
        "taxCoreApi": "https://api.example:443/",
        "vsdc": "https://vsdc.example:443/",
        "root": "https://verify.example/v/?vl=",
        "somethingNew": "https://new.example/",
    },
    environment_name="DEMO",
    logo="https://verify.example/logo.png",
    ntp_server="http://time.example:80/",
    supported_languages=("sr-Cyrl-RS", "en-US"),
)


def test_members() -> None:
    value = environment_parameters(CONFIGURATION)
    assert value["organizationName"] == "Revenue Service"
    assert value["serverTimeZone"] == "New Zealand Standard Time"
    assert value["endpoints"]["somethingNew"] == "https://new.example/"
    assert value["supportedLanguages"] == ["sr-Cyrl-RS", "en-US"]


def test_read_back_as_body_and_as_payload_of_command_7() -> None:
    body = encode_json(environment_parameters(CONFIGURATION))
    assert parse_configuration(body) == CONFIGURATION
    assert parse_configuration(body.decode()) == CONFIGURATION
    assert CONFIGURATION.verification_prefix == "https://verify.example/v/?vl="


def test_absent_members_are_empty_and_unknown_ones_ignored() -> None:
    empty = parse_configuration('{"OrganizationName":"x","endpoints":null,"new":1}')
    assert empty == attrs.evolve(
        CONFIGURATION,
        **dict.fromkeys(
            ("server_time_zone", "street", "city", "country", "environment_name", "logo", "ntp_server"), ""
        ),
        organization_name="x",
        endpoints={},
        supported_languages=(),
    )
    assert empty.verification_prefix == ""


def test_endpoints_that_are_no_text_are_left_out() -> None:
    assert parse_configuration('{"endpoints":{"root":"r","x":null,"y":5}}').endpoints == {"root": "r"}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"city": 5},
        {"endpoints": []},
        {"supportedLanguages": "en-US"},
        {"supportedLanguages": [5]},
        {"city": "", "City": ""},
    ],
)
def test_what_is_no_environment_document(document: object) -> None:
    with pytest.raises(Fault) as caught:
        parse_configuration(json.dumps(document))
    assert caught.value.code == "TS-1220"
