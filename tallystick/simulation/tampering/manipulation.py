"""One line of the tamper catalogue."""

from __future__ import annotations

import attrs

from tallystick.simulation.tampering.deeds import Deed

INSIDER, DIRECTOR, THIEF = "database administrator", "administrator with the hosts", "thief of the checkpoint key"


@attrs.frozen(kw_only=True)
class Manipulation:
    """One thing to do, by whom, and who must see it. ``national``: to a document of the national channels."""

    name: str
    title: str
    deeds: tuple[Deed, ...]
    must: frozenset[str]
    relinked: bool = False
    resigned: bool = False
    mirror: bool = False
    published: bool = False
    national: bool = False

    @property
    def actor(self) -> str:
        """Who can do that much."""
        if self.resigned:
            return THIEF
        return DIRECTOR if self.mirror or self.published else INSIDER


def one(name: str, title: str, *done: Deed, must: str, how: str = "", national: bool = False) -> Manipulation:
    """A row; ``how`` has the words relinked, resigned, mirror, published; ``must`` detectors, commas between them."""
    words = set(how.split())
    return Manipulation(
        name=name,
        title=title,
        deeds=done,
        must=frozenset(detector.strip() for detector in must.split(",")),
        relinked="relinked" in words,
        resigned="resigned" in words,
        mirror="mirror" in words,
        published="published" in words,
        national=national,
    )


ALL_WAYS = "relinked resigned mirror published"
