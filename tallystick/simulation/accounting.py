"""Where the invoices of every card are: what the card counts, against the ledger and against every place that may hold
a package. Nothing is believed: an invoice that is in none of them is lost, and the run is not good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import attrs

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.room_queries import Connection
from tallystick.device.applet.inspection import read_state
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.store_glance import glance
from tallystick.device.secure_element import CardUnavailable
from tallystick.kernel.identifiers import Uid
from tallystick.wire.media_files import MediaKind, read_media_name
from tallystick.wire.ordinal_ranges import Ranges, count

_RANGES_MOST = 1_000_000


@attrs.frozen(kw_only=True)
class CardPlaces:
    """A card, and where its packages may lie. ``told`` is how many invoices its tills were given."""

    uid: Uid
    name: str
    card: Path
    told: int
    stores: tuple[Path, ...] = ()
    media: tuple[Path, ...] = ()
    story: str = ""
    """What happened to it; empty for a card whose day was like any other."""
    rests: bool = False
    """Whether no device of this run serves it: what waits there waits for a later run."""


@attrs.frozen(kw_only=True)
class CardAccount:
    """The invoices of one card. ``signed`` is what the card counts, or what device and till know of a dead one."""

    uid: Uid
    name: str
    story: str
    signed: int
    is_dead: bool
    arrived: int
    audited: int
    waiting: int
    lost: int
    rests: bool = False
    contradiction: str = ""
    """Why the figures cannot be right, where the card counts less than others hold of it."""

    @property
    def is_whole(self) -> bool:
        """Whether every invoice has arrived that could in this run, and the figures agree."""
        return not (self.lost or self.contradiction) and (self.rests or not self.waiting)


@attrs.frozen(kw_only=True)
class Evidence:
    """What was found of one card, before it is judged. ``counter`` is none for a card that does not answer.

    ``missing`` are the ordinals from 1 up to the highest that anybody knows which are not in the ledger.
    """

    counter: int | None
    told: int
    newest_in_stores: int
    highest_in_ledger: int
    missing: Ranges
    held: frozenset[int]
    audited_up_to: int

    @property
    def known(self) -> int:
        """The highest ordinal that anybody knows."""
        return max(self.counter or 0, self.told, self.newest_in_stores, self.highest_in_ledger)


def judge(card: CardPlaces, found: Evidence) -> CardAccount:
    """The account of one card: an ordinal that lacks waits where a package of it lies, and is lost elsewhere."""
    lacking = count(found.missing)
    waiting = sum(1 for ordinal in found.held if any(first <= ordinal <= last for first, last in found.missing))
    signed = found.known
    beyond = "" if found.counter is None or found.counter >= signed else f"the card counts {found.counter}"
    unaudited = sum(max(min(last, found.audited_up_to) - first + 1, 0) for first, last in found.missing)
    return CardAccount(
        uid=card.uid,
        name=card.name,
        story=card.story,
        signed=signed,
        is_dead=found.counter is None,
        arrived=signed - lacking,
        audited=max(min(found.audited_up_to, signed) - unaudited, 0),
        waiting=waiting,
        lost=lacking - waiting,
        rests=card.rests,
        contradiction=beyond,
    )


def take_evidence(conn: Connection, card: CardPlaces) -> Evidence:
    """Ask card, stores and media first and the ledger last: what was sent in between is found where it is now."""
    counter = _counter(card.card)
    newest, held = _in_stores(card.uid, card.stores)
    held |= packages_on(card.uid, card.media)
    device = (card.uid, card.uid)
    found = Evidence(
        counter=counter,
        told=card.told,
        newest_in_stores=max(newest, *held, 0),
        highest_in_ledger=ledger.highest_ordinal(conn, device),
        missing=(),
        held=held,
        audited_up_to=audit.audited_up_to(conn, card.uid),
    )
    missing = ledger.missing_ordinals(conn, device, found.known, _RANGES_MOST)
    return attrs.evolve(found, missing=tuple(missing))


def account_cards(conn: Connection, cards: Iterable[CardPlaces]) -> list[CardAccount]:
    """Every card, in its order."""
    return [judge(card, take_evidence(conn, card)) for card in cards]


def _counter(card: Path) -> int | None:
    try:
        return read_state(card).total_counter
    except CardUnavailable:
        return None


def _in_stores(uid: Uid, stores: Sequence[Path]) -> tuple[int, frozenset[int]]:
    """The highest ordinal that a device remembers, and what devices hold. A store that is gone holds nothing."""
    newest, held = 0, frozenset[int]()
    for file in stores:
        try:
            found = glance(file)
        except StoreBroken:
            continue
        if found.uid == uid:
            newest, held = max(newest, found.newest), held | found.held
    return newest, held


def packages_on(uid: Uid, media: Iterable[Path]) -> frozenset[int]:
    """The invoices of a card whose packages lie on media, whole ones: a copy gets its name at its end."""
    found = set()
    for medium in media:
        for file in medium.rglob("*"):
            name = read_media_name(f"{file.parent.name}/{file.name}")
            if name is not None and name.kind is MediaKind.PACKAGE and name.number is not None and name.uid == uid:
                found.add(name.number.ordinal)
    return frozenset(found)


# For people

ORDINARY_LINES_MOST = 30
_COLUMNS = ("signed", "arrived", "audited", "waiting", "lost")
_Figure = Callable[[CardAccount], int]
_FIGURES: tuple[_Figure, ...] = (
    lambda one: one.signed,
    lambda one: one.arrived,
    lambda one: one.audited,
    lambda one: one.waiting,
    lambda one: one.lost,
)


def table_lines(accounts: Sequence[CardAccount]) -> list[str]:
    """One line a card; many ordinary ones become one line, a card with a story or a trouble never does."""
    ordinary = [one for one in accounts if not one.story and one.is_whole]
    special = [one for one in accounts if one.story or not one.is_whole]
    lines = [_line("card", "shop", _COLUMNS)]
    if len(accounts) > ORDINARY_LINES_MOST:
        lines += [_sum_line(f"{len(ordinary)} cards", "tills with an ordinary day", ordinary)] if ordinary else []
    else:
        lines += [_sum_line(one.uid, one.name, [one]) for one in ordinary]
    for one, following in zip_longest(special, special[1:]):
        lines.append(_sum_line(one.uid, one.name, [one]))
        story = "" if following and following.story == one.story else one.story  # told once for all its cards
        notes = [story, "the card is dead: signed is what others know of it" if one.is_dead else "", one.contradiction]
        lines += [f"{'':<10}{note}" for note in notes if note]
    lines.append(_sum_line("all", f"{len(accounts)} cards", accounts))
    return lines


def _sum_line(uid: str, name: str, accounts: Sequence[CardAccount]) -> str:
    return _line(uid, name, tuple(f"{sum(map(figure, accounts)):,}" for figure in _FIGURES))


def _line(uid: str, name: str, figures: Sequence[str]) -> str:
    return f"{uid:<10}{name[:27]:<28}" + "".join(f"{figure:>8}" for figure in figures)
