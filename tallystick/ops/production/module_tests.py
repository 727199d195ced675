"""What a station tries on a module: its algorithms, its keys, and what it holds after it was written."""

from __future__ import annotations

import secrets

from tallystick.authority.reference.production.hardware import HardwareProfile
from tallystick.authority.reference.production.values import Module
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.secure_element.factory_session import FactorySession
from tallystick.device.secure_element.pki_reader import client_certificate
from tallystick.device.secure_element.port import CardPort
from tallystick.device.secure_element.session import SecureElement
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import KeyUse, ModuleAlgorithm
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.limits import LIMITS
from tallystick.wire.module_vectors import KNOWN_ANSWERS

_CHALLENGE_BYTES = 32
_FEWEST_DIFFERENT = 20
"""Different bytes among 64 random ones: fewer than 20 happen once in far more modules than will ever be made."""
_BY_SIGNATURE = frozenset({ModuleAlgorithm.RSA, ModuleAlgorithm.SHA_1})
"""Seen at work when the module's own keys sign, without which it is not finished (`prove_keys`)."""


def self_test(session: FactorySession, profile: HardwareProfile) -> frozenset[ModuleAlgorithm]:
    """Ask the module every question with a published answer, and for random bytes; the algorithms seen at work.

    Raises ``TS-3062`` for a wrong answer, and where an algorithm stays silent that must answer (S1-050 to S1-057).
    """
    seen = set(_BY_SIGNATURE)
    for question in KNOWN_ANSWERS:
        answer = session.compute(question.algorithm, question.key, question.text)
        if answer is None:
            continue
        if answer != question.answer:
            raise Fault("TS-3062", detail=f"{question.algorithm}: a wrong answer to {question.source}")
        seen.add(question.algorithm)
    _try_random(session)
    seen.add(ModuleAlgorithm.RANDOM)
    silent = profile.must_answer - seen
    if silent:
        raise Fault("TS-3062", detail=f"no answer from {', '.join(sorted(silent))}")
    return frozenset(seen)


def _try_random(session: FactorySession) -> None:
    first, second = session.challenge(_CHALLENGE_BYTES), session.challenge(_CHALLENGE_BYTES)
    if len(first) != _CHALLENGE_BYTES or first == second or len(set(first + second)) < _FEWEST_DIFFERENT:
        raise Fault("TS-3062", detail="random: the bytes are not random")


def prove_keys(session: FactorySession, module: Module) -> None:
    """Both keys sign what the station chose now, and the certificates say so; raises ``TS-3010``."""
    for use, certificate in (
        (KeyUse.SIGNING, module.certificate),
        (KeyUse.CLIENT, module.client_certificate),
    ):
        assert certificate is not None, "keys are proved after they were certified"
        text = module.known_number.encode("ascii") + secrets.token_bytes(_CHALLENGE_BYTES)
        try:
            verify_invoice_signature(read_card_certificate(certificate).public_key, text, session.sign(use, text))
        except Fault as fault:
            raise Fault("TS-3010", detail=f"the {use} key: {fault.detail}") from fault


def read_back(port: CardPort, module: Module, encryption_key: PublicKey) -> None:
    """The finished card tells what was written and no more, and its factory is gone; raises ``TS-3069``."""
    card = SecureElement(port)
    card.select()
    amounts = card.amount_status()
    params = card.cert_params()
    found = (
        ("certificate", card.certificate() == module.certificate),
        ("number", params is not None and params.uid == module.number),
        ("key of the authority", card.tax_core_public_key() == encryption_key),
        ("limit", amounts.limit == module.limit and amounts.sum == Money(0)),
        ("tries of its PIN", card.pin_tries_left() == LIMITS.pin_tries),
        ("counters", card.last_signed_invoice() is None),
        ("client certificate", client_certificate(port) == module.client_certificate),
        ("closed factory", not FactorySession(port).is_open()),
    )
    wrong = [name for name, is_right in found if not is_right]
    if wrong:
        raise Fault("TS-3069", detail=f"not what was written: {', '.join(wrong)}")
