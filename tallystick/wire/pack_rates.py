"""The tax rate groups of a country pack, which also come as a file of their own to be published."""

from __future__ import annotations

from datetime import UTC, datetime

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.rate_publication import GROUP_ID_MAX, malformed
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup, label_case
from tallystick.wire.tax_rates import parse_tax_rate_groups
from tallystick.wire.toml_file import PackError, TomlFile, TomlTable

RATE_FILE_BYTES = 262_144
_CATEGORY_TYPES = {kind.word: kind for kind in TaxCategoryType}


def read_rate_file(content: bytes, name: str) -> tuple[TaxRateGroup, ...]:
    """The groups of a file, ascending by validity and number; raises ``TS-2010`` with the place that is wrong.

    A file is TOML with the tables ``tax_group`` of a country pack, or, where its name ends in ``.json``, the JSON in
    which TaxCore's devices get their rates.
    """
    if len(content) > RATE_FILE_BYTES:
        raise malformed(f"{name}: more than {RATE_FILE_BYTES} bytes")
    try:
        if name.lower().endswith(".json"):
            groups = parse_tax_rate_groups(content.decode("utf-8"))
            return tuple(sorted(groups, key=lambda group: (group.valid_from, group.group_id)))
        root = TomlFile(content, name).root()
        read = read_tax_groups(root)
        root.close()
        return read
    except PackError as error:
        raise malformed(str(error)) from None
    except UnicodeDecodeError:
        raise malformed(f"{name}: not UTF-8") from None
    except Fault as fault:
        places = ", ".join(field.pointer for field in fault.fields)
        raise malformed(f"{name}: {fault.detail}" + (f" at {places}" if places else "")) from None


def read_tax_groups(root: TomlTable) -> tuple[TaxRateGroup, ...]:
    """Every ``tax_group``, at least one, ascending by validity and number; raises ``PackError``."""
    tables = root.take_tables("tax_group")
    if not tables:
        raise root.error("at least one tax_group is needed")
    groups: list[TaxRateGroup] = []
    for table in tables:
        group = _tax_group(table)
        if any(group.group_id == other.group_id for other in groups):
            raise table.error(f"tax_group {group.group_id} stands twice", "id")
        groups.append(group)
    return tuple(sorted(groups, key=lambda group: (group.valid_from, group.group_id)))


def _tax_group(table: TomlTable) -> TaxRateGroup:
    valid_from = table.take("valid_from", datetime)
    if valid_from.tzinfo is None:
        raise table.error("valid_from needs an offset from UTC", "valid_from")
    seen: set[str] = set()
    categories = tuple(_category(row, seen) for row in table.take_tables("category"))
    if not categories:
        raise table.error("a tax_group needs at least one category")
    group = TaxRateGroup(valid_from.astimezone(UTC), _number(table, "id", GROUP_ID_MAX), categories)
    table.close()
    return group


def _category(table: TomlTable, seen: set[str]) -> TaxCategory:
    kind = _CATEGORY_TYPES.get(table.take("type", str))
    if kind is None:
        raise table.error(f"type must be one of {', '.join(_CATEGORY_TYPES)}", "type")
    rates_table = table.take_table("rates")
    rates = tuple(_rate(rates_table, label, seen) for label in rates_table)
    if not rates:
        raise table.error("a category needs at least one rate", "rates")
    category = TaxCategory(table.take("name", str), kind, _number(table, "order_id", 255), rates)
    table.close()
    return category


def _rate(table: TomlTable, label: str, seen: set[str]) -> TaxRate:
    """One label and its rate; labels are one character and, upper-cased, unlike any other of the group."""
    value = table.take_decimal(label)
    if len(label) != 1 or label != label_case(label) or label in seen:
        raise table.error(
            f"label {label!r} must be one upper-case character that no other rate of the group has", label
        )
    seen.add(label)
    try:
        rate = Rate.of(value)
    except Fault as fault:
        raise table.error(f"rate of {label}: {fault.detail}", label) from None
    if rate.scaled < 0:
        raise table.error(f"rate of {label} must not be negative", label)
    return TaxRate(label, rate)


def _number(table: TomlTable, key: str, most: int) -> int:
    number = table.take(key, int)
    if not 0 <= number <= most:
        raise table.error(f"{key} must lie between 0 and {most}", key)
    return number
