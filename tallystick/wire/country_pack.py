"""Reads a country pack: a TOML file becomes a ``CountryPack``, or is refused with file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import attrs

from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.builds import CERTIFICATION, BuildClass, Certification
from tallystick.kernel.channel_rules import ChannelRules, LateDocuments, RefundScope
from tallystick.kernel.country_pack import (
    CERTIFICATE_PROFILES,
    CertificateRules,
    CountryPack,
    PackageRetention,
    Tolerances,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.retention import DEFAULT_MONTHS, MONTHS_MOST, RetainedKind, RetentionRules
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.pack_devices import read_devices
from tallystick.wire.pack_rates import read_tax_groups
from tallystick.wire.toml_file import PackError, TomlFile, TomlTable

__all__ = ["PackError", "parse_pack"]

E = TypeVar("E", bound=StrEnum)

_CODE = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_ARC = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,9})){3,15}")


def parse_pack(toml: bytes, file_name: str) -> CountryPack:
    """Read the pack in ``toml``; ``file_name`` is for the message of ``PackError``, which is the only way to fail."""
    root = TomlFile(toml, file_name).root()
    country = root.take_table("country")
    organization = root.take_table("organization")
    card = root.take_table("card")
    groups = read_tax_groups(root)
    default_label, department_labels = _departments(root, groups[-1])
    pack = CountryPack(
        code=_matching(country, "code", _CODE),
        name=country.take("name", str),
        currency=_matching(country, "currency", _CURRENCY),
        currency_places=_between(country, "currency_places", 0, 4),
        environment=_environment(country),
        time_zone=_time_zone(country),
        server_time_zone=country.take("server_time_zone", str),
        languages=_languages(country),
        tax_groups=groups,
        default_label=default_label,
        department_labels=department_labels,
        tin_pattern=_pattern(country, "tin_pattern"),
        buyer_id_pattern=_pattern(country, "buyer_id_pattern") if "buyer_id_pattern" in country else None,
        organization_name=organization.take("name", str),
        street=organization.take("street", str),
        city=organization.take("city", str),
        country=_matching(organization, "country", _CODE),
        package_retention=_choice(country, "package_retention", PackageRetention),
        card_limit=_money(card, "limit"),
        max_category_order_id=_highest_order_id(card, root, groups),
        reference_time_required=country.take_or("reference_time_required", bool, default=False),
        accreditation_required=country.take_or("accreditation_required", bool, default=False),
        tolerances=_tolerances(root),
        algorithms=REGISTRY.changed_by(_algorithm_rules(root)),
        certification=_certification(root),
        devices=read_devices(root),
        certificates=_certificates(root),
        channels=_channels(root),
        inspections=_inspections(root),
        retention=_retention(root),
    )
    for table in (country, organization, card, root):
        table.close()
    return pack


def _certification(root: TomlTable) -> Mapping[BuildClass, Certification]:
    """A class that the pack does not name is treated as everywhere."""
    if "certification" not in root:
        return CERTIFICATION
    table = root.take_table("certification")
    named = {one: _choice(table, one.value, Certification) for one in BuildClass if one.value in table}
    table.close()
    return MappingProxyType({**CERTIFICATION, **named})


def _matching(table: TomlTable, key: str, pattern: re.Pattern[str]) -> str:
    text = table.take(key, str)
    if pattern.fullmatch(text) is None:
        raise table.error(f"{key} must have the form {pattern.pattern}", key)
    return text


def _between(table: TomlTable, key: str, low: int, high: int) -> int:
    number = table.take(key, int)
    if not low <= number <= high:
        raise table.error(f"{key} must lie between {low} and {high}", key)
    return number


def _choice(table: TomlTable, key: str, kind: type[E]) -> E:
    text = table.take(key, str)
    try:
        return kind(text)
    except ValueError:
        raise table.error(f"{key} must be one of {', '.join(kind)}", key) from None


def _pattern(table: TomlTable, key: str) -> str:
    text = table.take(key, str)
    try:
        re.compile(text)
    except re.error as problem:
        raise table.error(f"{key} is not a regular expression: {problem}", key) from None
    return text


def _money(table: TomlTable, key: str) -> Money:
    value = table.take_decimal(key)
    try:
        money = Money.of(value)
    except Fault as fault:
        raise table.error(f"{key}: {fault.detail}", key) from None
    if money.scaled <= 0:
        raise table.error(f"{key} must be more than 0", key)
    return money


def _environment(country: TomlTable) -> tuple[int, int]:
    digits = country.take_list("environment", int)
    if len(digits) != 2 or not all(0 < digit < 2**28 for digit in digits):
        raise country.error("environment must be the two integers of the certificate's arc", "environment")
    return digits[0], digits[1]


def _time_zone(country: TomlTable) -> str:
    name = country.take("time_zone", str)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise country.error(f"time_zone {name!r} is not a name of the IANA time zones", "time_zone") from None
    return name


def _languages(country: TomlTable) -> tuple[str, ...]:
    tags = country.take_list("languages", str)
    if not tags or len(set(tags)) != len(tags) or not all(map(_LANGUAGE.fullmatch, tags)):
        raise country.error("languages must be distinct tags such as sr-Cyrl-RS, at least one", "languages")
    return tags


def _departments(root: TomlTable, newest: TaxRateGroup) -> tuple[str, Mapping[str, str]]:
    table = root.take_table("departments")
    default = table.take("default", str)
    labels_table = table.take_table("labels")
    labels = {department: labels_table.take(department, str) for department in labels_table}
    known = newest.labels()
    if default not in known:
        raise table.error(f"label {default!r} is not in the newest tax_group", "default")
    for department, label in labels.items():
        if label not in known:
            raise labels_table.error(f"label {label!r} is not in the newest tax_group", department)
    table.close()
    return default, MappingProxyType(labels)


def _highest_order_id(card: TomlTable, root: TomlTable, groups: tuple[TaxRateGroup, ...]) -> int:
    highest = _between(card, "max_category_order_id", 1, LIMITS.tax_categories_on_card)
    used = max(category.order_id for group in groups for category in group.categories)
    if used > highest:
        raise card.error(f"a category has the order_id {used}, more than the card counts", "max_category_order_id")
    return highest


def _tolerances(root: TomlTable) -> Tolerances:
    if "tolerances" not in root:
        return Tolerances()
    table = root.take_table("tolerances")
    limits = {key: _between(table, key, 0, 366_000) for key in table if key in _TOLERANCE_KEYS}
    table.close()
    return Tolerances(
        future_minutes=limits.get("future_minutes", Tolerances().future_minutes),
        past_days=limits.get("past_days"),
        reference_past_days=limits.get("reference_past_days"),
    )


_TOLERANCE_KEYS = frozenset({"future_minutes", "past_days", "reference_past_days"})


def _certificates(root: TomlTable) -> CertificateRules:
    if "certificates" not in root:
        return CertificateRules()
    table = root.take_table("certificates")
    arc = _matching(table, "arc", _ARC) if "arc" in table else ""
    policy = _matching(table, "timestamp_policy", _ARC) if "timestamp_policy" in table else ""
    days: dict[str, int] = {}
    if "days" in table:
        given = table.take_table("days")
        days = {name: _between(given, name, 1, 2_920) for name in given if name in CERTIFICATE_PROFILES}
        given.close()
    table.close()
    return CertificateRules(arc, policy, MappingProxyType(days))


_CHANNEL_BOUNDS = {
    "time_window_seconds": (30, 300),
    "shift_hours": (1, 24),
    "offline_hours": (1, 24 * 30),
    "rolling_hours": (1, 24 * 30),
    "rolling_days": (1, 366),
}


def _channels(root: TomlTable) -> ChannelRules:
    """What the pack does not name is as everywhere (S0-032, S0-036, K-04, K-15)."""
    if "channels" not in root:
        return ChannelRules()
    table = root.take_table("channels")
    named: dict[str, Any] = {
        name: _between(table, name, *bounds) for name, bounds in _CHANNEL_BOUNDS.items() if name in table
    }
    if "refund_scope" in table:
        named["refund_scope"] = _choice(table, "refund_scope", RefundScope)
    if "late" in table:
        named["late"] = _choice(table, "late", LateDocuments)
    table.close()
    return ChannelRules(**named)


def _inspections(root: TomlTable) -> InspectionLimits:
    """What the pack does not name is as everywhere."""
    if "inspections" not in root:
        return InspectionLimits()
    table = root.take_table("inspections")
    names = [field.name for field in attrs.fields(InspectionLimits)]
    limits = {name: _between(table, name, 1, 10_000) for name in names if name in table}
    table.close()
    return InspectionLimits(**limits)


def _retention(root: TomlTable) -> RetentionRules:
    """A kind that the pack does not name is kept as long as everywhere."""
    if "retention" not in root:
        return RetentionRules()
    table = root.take_table("retention")
    named = {kind: _between(table, kind.value, 1, MONTHS_MOST) for kind in RetainedKind if kind.value in table}
    table.close()
    return RetentionRules(MappingProxyType({**DEFAULT_MONTHS, **named}))


def _algorithm_rules(root: TomlTable) -> tuple[AlgorithmRule, ...]:
    return tuple(_algorithm_rule(table) for table in root.take_tables("algorithm"))


def _algorithm_rule(table: TomlTable) -> AlgorithmRule:
    since = table.take("since", datetime) if "since" in table else None
    if since is not None and since.tzinfo is None:
        raise table.error("since needs an offset from UTC", "since")
    rule = AlgorithmRule(
        _choice(table, "algorithm", Algorithm),
        _choice(table, "purpose", Purpose),
        _choice(table, "status", Status),
        since,
    )
    table.close()
    return rule
