"""The environment document of POS and SDCs: addresses, names, languages (wire: 2.7, command 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.wire import strict_json
from tallystick.wire.pos_values import KeyNames
from tallystick.wire.strict_json import JsonObject, JsonValue

_KEYS = KeyNames(
    "organizationName",
    "serverTimeZone",
    "street",
    "city",
    "country",
    "endpoints",
    "environmentName",
    "logo",
    "ntpServer",
    "supportedLanguages",
)


@attrs.frozen(slots=True, kw_only=True)
class Configuration:
    """One environment. ``server_time_zone`` is a Windows name, ``endpoints`` keeps keys that we do not know."""

    organization_name: str
    server_time_zone: str
    street: str
    city: str
    country: str
    endpoints: Mapping[str, str]
    environment_name: str
    logo: str
    ntp_server: str
    supported_languages: tuple[str, ...]

    @property
    def verification_prefix(self) -> str:
        """The URL before the verification parameter, ending in ``?vl=``; empty when not given."""
        return self.endpoints.get("root", "")


def environment_parameters(configuration: Configuration) -> dict[str, Any]:
    """The JSON members of an environment, for GET environment-parameters, GET configuration and command 7."""
    return {
        "organizationName": configuration.organization_name,
        "serverTimeZone": configuration.server_time_zone,
        "street": configuration.street,
        "city": configuration.city,
        "country": configuration.country,
        "endpoints": dict(configuration.endpoints),
        "environmentName": configuration.environment_name,
        "logo": configuration.logo,
        "ntpServer": configuration.ntp_server,
        "supportedLanguages": list(configuration.supported_languages),
    }


def parse_configuration(payload: str | bytes) -> Configuration:
    """Read the payload of command 7 or the body of GET configuration; JSON faults or `TS-1220`."""
    data = payload if isinstance(payload, bytes) else strict_json.encoded(payload)
    return read_configuration(strict_json.parse(data, taxcore=True))


def read_configuration(value: JsonValue) -> Configuration:
    """Read an environment; absent texts are empty, unknown keys ignored. Raises `TS-1220` for another shape."""
    if not isinstance(value, dict):
        raise _fault("/")
    members, twice = _KEYS.of(value)
    if twice:
        raise _fault(f"/{twice[0]}")
    languages = members.get("supportedLanguages")
    if languages is None:
        languages = []
    if not isinstance(languages, list):
        raise _fault("/supportedLanguages")
    return Configuration(
        organization_name=_text(members, "organizationName"),
        server_time_zone=_text(members, "serverTimeZone"),
        street=_text(members, "street"),
        city=_text(members, "city"),
        country=_text(members, "country"),
        endpoints=_endpoints(members.get("endpoints")),
        environment_name=_text(members, "environmentName"),
        logo=_text(members, "logo"),
        ntp_server=_text(members, "ntpServer"),
        supported_languages=tuple(_element(one) for one in languages),
    )


def _endpoints(value: JsonValue) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _fault("/endpoints")
    return {key: address for key, address in value.items() if isinstance(address, str)}


def _text(members: JsonObject, key: str) -> str:
    value = members.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _fault(f"/{key}")
    return value


def _element(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise _fault("/supportedLanguages")
    return value


def _fault(pointer: str) -> Fault:
    return Fault("TS-1220", detail="not an environment document", fields=(FieldFault(pointer, "5"),))
