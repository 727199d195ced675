"""The verifier of a dump reads what records say about each other: seals, cuts, anchors, the closure (S0-031)."""

from __future__ import annotations

from worm_dumps import (
    DOCUMENT,
    built,
    codes,
    last_link,
    sealed,
)

from tallystick.device.worm import Anchor, RecordKind
from tallystick.device.worm.breaks import WormBreakCode as Code
from tallystick.wire.worm import HEADER_BYTES
from tallystick.wire.worm_contents import (
    Cut,
    write_anchor,
    write_cut,
)


def test_a_document_that_did_not_wait_for_its_seal() -> None:
    assert codes(built(*[DOCUMENT] * 50)) == []
    assert codes(built(*[DOCUMENT] * 52)) == [Code.SEAL_OVERDUE] * 2


def test_contents_of_another_form_are_named() -> None:
    for kind in (RecordKind.SEAL, RecordKind.CUT, RecordKind.NOTE, RecordKind.ANCHOR):
        assert codes(built(DOCUMENT, (kind, b"no"))) == [Code.CONTENT]


def test_a_seal_that_covers_something_else() -> None:
    image = built(DOCUMENT)
    assert codes(built(DOCUMENT, sealed(1, last_link(image)))) == []
    assert codes(built(DOCUMENT, sealed(2, last_link(image)))) == [Code.SEAL]
    assert codes(built(DOCUMENT, sealed(1, bytes(32)))) == [Code.SEAL]


def test_a_card_s_counter_that_goes_back() -> None:
    first = (DOCUMENT, sealed(1, last_link(built(DOCUMENT)), 9))
    assert codes(built(*first, sealed(2, last_link(built(*first)), 8))) == [Code.CARD_COUNTER]


def test_a_cut_that_names_another_place() -> None:
    here = write_cut(Cut(segment=1, offset=HEADER_BYTES, length=3, digest=bytes(32)))
    assert codes(built((RecordKind.CUT, here))) == []
    assert codes(built(DOCUMENT, (RecordKind.CUT, here))) == [Code.CUT]


def test_an_anchor_ahead_of_its_records_or_one_that_goes_back() -> None:
    def anchor(seq: int) -> tuple[RecordKind, bytes]:
        return RecordKind.ANCHOR, write_anchor(Anchor(seq=seq, log_index=1, checkpoint=b"note"))

    assert codes(built(DOCUMENT, anchor(1), anchor(2), anchor(2))) == []
    assert codes(built(DOCUMENT, anchor(2))) == [Code.ANCHOR]
    assert codes(built(DOCUMENT, anchor(1), anchor(0))) == [Code.ANCHOR]


def test_what_comes_after_a_closure() -> None:
    closure = (DOCUMENT, (RecordKind.CLOSURE, b"closed"))
    assert codes(built(*closure)) == []
    assert codes(built(*closure, DOCUMENT)) == [Code.AFTER_CLOSURE]
    ended = (*closure, sealed(2, last_link(built(*closure))))
    assert codes(built(*ended)) == []
    assert codes(built(*ended, sealed(3, last_link(built(*ended))))) == [Code.AFTER_CLOSURE]
