"""The factory: what goes onto a card, what it refuses, and that it opens only once (wire 15.6)."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from cards import NOW, UID, country, new_card, rsa_key

from tallystick.device.applet import VirtualCard, personalise
from tallystick.device.applet.identity import KEYS_FILE, STATE_FILE
from tallystick.device.secure_element import CardUnavailable, SecureElement
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money


def order(**changes: Any) -> dict[str, Any]:
    pki, subject = country().pki, country().subject()
    return {
        "uid": UID,
        "pin": "0042",
        "limit": Money.of(5),
        "max_category_order_id": 4,
        "sign_certificate_for": lambda key: pki.issue_secure_element(subject, key, at=NOW),
        "pki_certificate_for": lambda key: pki.issue_pki_client(subject, key, at=NOW),
        "tax_core_public_key": pki.public_key("package"),
        "poa_public_key": pki.public_key("poa"),
        "keys": (rsa_key(0), rsa_key(1)),
    } | changes


def test_a_new_card_is_blank_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "cards" / UID
    personalise(folder, **order())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name for file in folder.iterdir()} == {"card.keys", "card.state", "pki.pem", "pki-key.pem"}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())
    card = VirtualCard.open(folder)
    session = SecureElement(card)
    session.select()
    session.verify_pin("0042")
    assert session.amount_status().limit == Money.of(5)
    assert session.amount_status().sum == Money(0)
    assert session.last_signed_invoice() is None
    card.power_off()


def test_keys_are_made_when_none_are_given(tmp_path: Path) -> None:
    personalise(tmp_path, **order(keys=None))
    VirtualCard.open(tmp_path).power_off()


def test_a_personalised_card_cannot_be_made_again(tmp_path: Path) -> None:
    new_card(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(FileExistsError):
        personalise(tmp_path, **order())
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        {"pin": "123"},
        {"pin": "12a4"},
        {"pin": "１２３４"},
        {"max_category_order_id": 0},
        {"max_category_order_id": 17},
    ],
)
def test_what_a_card_cannot_hold_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        personalise(tmp_path / "card", **order(**change))
    assert not (tmp_path / "card").exists()


def test_a_certificate_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Read back before it goes onto the card: another UID, another key, another class."""
    pki = country().pki
    other = country().subject("ZZ99ZZ99")
    ours = country().subject()
    wrong = [
        {"sign_certificate_for": lambda key: pki.issue_secure_element(other, key, at=NOW)},
        {"sign_certificate_for": lambda _: pki.issue_secure_element(ours, rsa_key(1).public.spki, at=NOW)},
        {"sign_certificate_for": lambda key: pki.issue_pki_client(ours, key, at=NOW)},
        {"pki_certificate_for": lambda key: pki.issue_secure_element(ours, key, at=NOW)},
    ]
    for change in wrong:
        with pytest.raises(ValueError):
            personalise(tmp_path, **order(**change))
        with pytest.raises(CardUnavailable):
            VirtualCard.open(tmp_path)
    with pytest.raises(Fault):
        personalise(tmp_path, **order(uid="lower123"))
    personalise(tmp_path, **order())


def test_a_cut_in_the_factory_leaves_no_half_card(tmp_path: Path) -> None:
    """`card.keys` is written last: without it there is no card, and the factory begins again."""
    new_card(tmp_path)
    (tmp_path / KEYS_FILE).unlink()
    with pytest.raises(CardUnavailable):
        VirtualCard.open(tmp_path)
    personalise(tmp_path, **order())
    (tmp_path / STATE_FILE).unlink()
    with pytest.raises(CardUnavailable):
        VirtualCard.open(tmp_path)
