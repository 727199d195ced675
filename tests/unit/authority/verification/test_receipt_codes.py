"""Who signed the code of a national receipt: a register, or nobody who could be told from others (K-19)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from fitting_pairs import fitting_pair
from national_page import NationalPage, altered, made_from_document

from tallystick.authority.projections.verification.api import build_app
from tallystick.authority.projections.verification.unknown_codes import UnknownCodes
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import DocumentType


@pytest.mark.parametrize("shop", ["page", "offline"])
def test_k_19_a_code_that_no_register_signed_is_a_pointer_and_accuses_nobody(
    shop: str, request: pytest.FixtureRequest
) -> None:
    """ECDSA over a hash that the code names itself: hash and signature that fit are made from the public key alone.

    So it is never *pending*, which a buyer takes for a receipt, and no case against the shop.
    """
    page: NationalPage = request.getfixturevalue(shop)
    public = page.certificate.public_key.handle
    assert isinstance(public, EllipticCurvePublicKey)
    numbers = public.public_numbers()
    act_hash, signature = fitting_pair((numbers.x, numbers.y), 7, 11)
    made = page.till.sell()
    forged = made_from_document(made, act_hash=act_hash, signature=signature, total=Money.of("5000"))
    answer = page.ask(forged).json
    assert (answer["status"], answer["isValid"], answer["document"], answer["proof"]) == (
        "not-found",
        False,
        None,
        None,
    )
    assert page.told(altered(made, act_hash=act_hash, signature=signature)) == ("forged", False)
    page.put(made)
    assert page.told(forged) == ("mismatch", False)
    assert page.told(made_from_document(made, total=Money.of("1.00"))) == ("mismatch", False)
    assert page.told(made_from_document(made)) == ("valid", True)
    assert not page.noted


@pytest.mark.parametrize(
    "changes",
    [{"total": Money.of("1.00")}, {"time_ms": 1_800_000_000_000}, {"sequence": 4}, {"act_hash": bytes(32)},
     {"document_type": int(DocumentType.CORRECTION)}, {"by_register": False}],
)  # fmt: skip
def test_k_19_every_value_of_a_registers_code_is_signed(offline: NationalPage, changes: dict[str, Any]) -> None:
    made = offline.till.sell("10.90")
    assert offline.told(made) == ("pending", False)
    assert offline.told(altered(made, **changes)) == ("forged", False)


def test_k_19_who_asks_with_codes_that_no_register_signed_waits(page: NationalPage) -> None:
    """A fitting pair is as good as a guess, and counts like one; a code of the document counts once it is booked."""
    page.bench.services = attrs.evolve(page.bench.services, unknown_codes=UnknownCodes(per_minute=2))
    page.bench.app = build_app(page.bench.services)
    made = page.till.sell()
    letters = made_from_document(made)
    page.put(made)
    assert [page.ask(letters).status for _ in range(5)] == [200] * 5
    other = made_from_document(page.till.sell())
    assert [page.ask(other).status for _ in range(3)] == [200, 200, 429]
