"""Makers, builds and decisions as values."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.kernel.builds import BuildClass, BuildState


@attrs.frozen(slots=True, kw_only=True)
class Maker:
    """Who makes software or devices. ``release_key`` is the SubjectPublicKeyInfo that his manifests are signed with."""

    maker: str
    name: str
    release_key: bytes
    user_id: int | None
    is_active: bool
    since: datetime


@attrs.frozen(slots=True, kw_only=True)
class Build:
    """One version of one product; ``devices`` is how many have proved it, where that was asked for."""

    build_id: str
    maker: str
    product: str
    version: str
    build_class: BuildClass
    state: BuildState
    submitted_at: datetime
    devices: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Decision:
    """What was decided about a build; ``entry_index`` is the ledger's, none until it is published."""

    state: BuildState
    decided_by: str
    reason: str
    decided_at: datetime
    entry_index: int | None


@attrs.frozen(slots=True, kw_only=True)
class Unpublished:
    """A decision on its way to the ledger."""

    decision_id: int
    build_id: str
    state: str
    decided_at: datetime
    maker: str
    product: str
    version: str
    build_class: str
