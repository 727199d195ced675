"""What later documents say of one: how much of it was given back, and by how much it was corrected."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from tallystick.kernel.fixed_point import ZERO_MONEY, Money
from tallystick.kernel.given_back import NATIONAL_REFUNDS, TAXCORE_REFUNDS
from tallystick.kernel.national_document import DocumentType

REFUNDS = NATIONAL_REFUNDS | TAXCORE_REFUNDS
"""The types of documents that give money back for the one that they refer to."""
_CORRECTED_BY = {int(DocumentType.CORRECTION): 1, int(DocumentType.CORRECTION_REFUND): -1}


@attrs.frozen(slots=True)
class Claim:
    """A later document that refers to one: its type in the ledger, and its total."""

    document_type: int
    total: Money


@attrs.frozen(slots=True)
class Claims:
    """All that later documents say of one; ``corrected`` has its sign."""

    given_back: Money = ZERO_MONEY
    corrected: Money = ZERO_MONEY

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> Claims:
        """Their sums."""
        found = list(claims)
        back = sum(one.total.scaled for one in found if one.document_type in REFUNDS)
        corrected = sum(_CORRECTED_BY.get(one.document_type, 0) * one.total.scaled for one in found)
        return cls(Money(back), Money(corrected))


NOTHING_CLAIMED = Claims()
