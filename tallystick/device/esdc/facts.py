"""What a device knows while it fiscalises: the inserted card, the authority's configuration, its own identity."""

from __future__ import annotations

from datetime import datetime, tzinfo

import attrs

from tallystick.crypto.keys import PublicKey
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import Seller
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.configuration import Configuration


@attrs.frozen(slots=True, kw_only=True)
class CardFacts:
    """What the card's certificate says; read at each insertion and power-on, held in memory only (S2-008, S2-026)."""

    uid: Uid
    seller: Seller
    environment: str
    """``X.Y`` of the certificate's OIDs."""
    api_url: str
    not_before: datetime
    not_after: datetime
    version: tuple[int, int, int]
    tax_core_key: PublicKey
    signing_key: PublicKey
    """Of the certificate: what this card signs verifies with it, and with no other card's."""


@attrs.frozen(slots=True, kw_only=True)
class Setup:
    """What the initialization commands of the authority brought (S2-002, wire: commands 0, 2 and 7)."""

    rate_groups: tuple[TaxRateGroup, ...]
    verification_prefix: str
    configuration: Configuration
    zone: tzinfo
    languages: tuple[str, ...]
    """What both the device and the authority speak, in the authority's order (S2-069); never empty."""


@attrs.frozen(slots=True, kw_only=True)
class Facts:
    """All that the twelve steps need to know besides the request and the moment."""

    card: CardFacts
    setup: Setup
    mrc: str
    currency: str | None = None
    """What follows a rate that is an amount in the journal; none for the language's own sign."""


@attrs.frozen(slots=True, kw_only=True)
class Position:
    """Where the card stands: its total counter, and the signed time of its last invoice (0 when there is none)."""

    counter: int
    last_signed_ms: int
