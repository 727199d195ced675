"""What the ledger keeps of a changed rule, and the rules themselves as text: RFC 8785 JSON, every value text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from tallystick.kernel.algorithms import AlgorithmRegistry
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.tax_rates import TaxRateGroup

RULE_CHANGE_VERSION = "1"


def _write(members: object) -> bytes:
    return msgspec.json.encode(members, order="sorted")


def write_algorithms(registry: AlgorithmRegistry) -> bytes:
    """The whole table: one rule a line of the list, sorted by algorithm, purpose and beginning."""
    rules = [
        {
            "algorithm": str(rule.algorithm),
            "purpose": str(rule.purpose),
            "since": "" if rule.since is None else str(unix_ms(rule.since)),
            "status": str(rule.status),
        }
        for rule in registry.rules()
    ]
    key = ("algorithm", "purpose", "since")
    return _write({"rules": sorted(rules, key=lambda rule: tuple(rule[name] for name in key))})


def write_tax_rates(groups: Iterable[TaxRateGroup]) -> bytes:
    """Every published group, in the order of their numbers; rates are x 10000 as the kernel keeps them."""
    return _write(
        {
            "groups": [
                {
                    "categories": [
                        {
                            "name": category.name,
                            "orderId": str(category.order_id),
                            "rates": [{"label": one.label, "rate": str(one.rate.scaled)} for one in category.rates],
                            "type": str(int(category.category_type)),
                        }
                        for category in group.categories
                    ],
                    "groupId": str(group.group_id),
                    "validFrom": str(unix_ms(group.valid_from)),
                }
                for group in sorted(groups, key=lambda group: group.group_id)
            ]
        }
    )


def write_rule_change(subject: str, number: int, content: bytes, at: datetime, before: bytes) -> bytes:
    """The body of a ledger entry of kind 0x08; ``before`` is the content that this one follows, empty for the first."""
    return _write(
        {
            "adoptedAt": str(unix_ms(at)),
            "content": msgspec.Raw(content),
            "number": str(number),
            "previous": sha256(before).hex() if before else "",
            "subject": subject,
            "type": "rule-change",
            "version": RULE_CHANGE_VERSION,
        }
    )
