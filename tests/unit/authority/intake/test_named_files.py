"""A package that comes as a file: its name must say the invoice that it holds (S2-081, TS-1204)."""

from __future__ import annotations

import asyncio

import pytest
from intake_bench import Bench

from benchmarks.package_maker import NOW, seal
from tallystick.authority.intake.package import PackageAnswer
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.wire.audit_package import read_sealed, write_sealed


def submit(bench: Bench, body: bytes, named: SdcInvoiceNumber) -> PackageAnswer:
    card = bench.card
    return asyncio.run(
        bench.intake.submit_package(body, token_uid=card.uid, token_tin=card.tin, received_at=NOW, named=named)
    )


def number(bench: Bench, ordinal: int, uid: str = "") -> SdcInvoiceNumber:
    return SdcInvoiceNumber(Uid(uid or bench.card.uid), Uid(uid or bench.card.uid), ordinal)


def test_s2_081_a_right_name_changes_nothing(bench: Bench) -> None:
    body = seal(bench.card.plain(), bench.card.encryption_key)
    assert submit(bench, body, number(bench, 1)).status == 4
    assert submit(bench, body, number(bench, 1)).replayed


@pytest.mark.parametrize(("ordinal", "uid"), [(2, ""), (1, "WXYZ9876")])
def test_s2_081_ts_1204_a_name_that_says_another_invoice(bench: Bench, ordinal: int, uid: str) -> None:
    body = seal(bench.card.plain(), bench.card.encryption_key)
    with pytest.raises(Fault, match="TS-1204"):
        submit(bench, body, number(bench, ordinal, uid))
    assert bench.ledger.entries == []
    assert bench.keeper.refused == []
    assert submit(bench, body, number(bench, 1)).status == 4, "rightly named it is taken"


def test_k_11_a_name_tells_a_stranger_nothing(bench: Bench) -> None:
    """What does not open, and what another key signed, is answered as without a name."""
    body = seal(bench.card.plain(), bench.card.encryption_key)
    sealed = read_sealed(body)
    broken = write_sealed(type(sealed)(sealed.key, sealed.iv, bytes(len(sealed.payload))))
    assert submit(bench, broken, number(bench, 7)).status == 0
    stranger = type(bench.card)(bench.card.uid, bench.card.tin, bench.other.key, bench.card.encryption_key)
    forged = seal(stranger.plain(), bench.card.encryption_key)
    assert submit(bench, forged, number(bench, 7)).status == 2
