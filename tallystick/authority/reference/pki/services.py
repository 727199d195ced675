"""What the PKI works with, handed in by the assembly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from tallystick.authority.reference.pki.ports import Registry
from tallystick.crypto.issuing import Authority
from tallystick.crypto.national_oids import NationalArc


@attrs.frozen(slots=True, kw_only=True)
class PkiServices:
    """``authority`` opens an issuing authority by name, with its key behind its port.

    It raises ``TS-5004`` where the key is not to be had. ``days`` are lifetimes that the country lays over the
    profiles.
    """

    authority: Callable[[str], Authority]
    registry: Registry
    arc: NationalArc
    days: Mapping[str, int]
