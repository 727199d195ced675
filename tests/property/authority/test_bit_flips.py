"""Any single-bit change of key, IV or payload never gives 4, and never anything but a status or a coded fault."""

from __future__ import annotations

import asyncio
from functools import cache

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_bench import Bench, four_keys, make_bench, reference_pack

from benchmarks.package_maker import sale, seal
from tallystick.authority.intake.package import PackageAnswer
from tallystick.kernel.faults import Fault
from tallystick.wire.audit_package import SealedPackage, read_sealed, write_sealed

PARTS = ("key", "iv", "payload")


@cache
def bench() -> Bench:
    """One for all examples; keys are slow to make."""
    return make_bench(four_keys(), reference_pack(), enabled=False)


@cache
def genuine() -> SealedPackage:
    """A package that gives 4, though it is submitted nowhere."""
    return read_sealed(bench().card.package(sale()))


def submit(body: bytes) -> PackageAnswer | Fault:
    """A status, or the fault that the HTTP door translates."""
    try:
        return asyncio.run(bench().submit(body))
    except Fault as fault:
        return fault


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PARTS), st.data())
def test_a_flipped_bit_under_the_encryption_never_gives_4(part: str, data: st.DataObject) -> None:
    whole = bytearray(getattr(genuine(), part))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    answer = submit(write_sealed(attrs.evolve(genuine(), **{part: bytes(whole)})))
    assert isinstance(answer, PackageAnswer)
    assert answer.status not in (1, 4)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_of_the_file_gives_a_status_or_a_4xx(data: st.DataObject) -> None:
    whole = bytearray(write_sealed(genuine()))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    answer = submit(bytes(whole))
    assert isinstance(answer, Fault) or answer.status != 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_plain_text_gives_a_status(plain: bytes) -> None:
    answer = submit(seal(plain, bench().card.encryption_key))
    assert isinstance(answer, PackageAnswer)
    assert answer.status == 0


@pytest.mark.parametrize("part", PARTS)
def test_the_genuine_one_gives_4(part: str) -> None:
    assert isinstance(answer := submit(write_sealed(genuine())), PackageAnswer)
    assert answer.status == 4, part
