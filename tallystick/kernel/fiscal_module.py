"""A fiscal module as a thing: its form, its protocols, the algorithms of its controller (S1-047 to S1-056)."""

from __future__ import annotations

from enum import StrEnum

import attrs


class FormFactor(StrEnum):
    """What a person holds in his hand (S1-047)."""

    CARD = "card"
    USB_KEY = "usb-key"


class CardProtocol(StrEnum):
    """How it speaks to a reader (ISO 7816-3; S1-049)."""

    T0 = "T=0"
    T1 = "T=1"


class ModuleAlgorithm(StrEnum):
    """What a controller computes (S1-050 to S1-056), each told apart as far as a known answer can tell."""

    GOST_28147_89 = "gost-28147-89"
    TRIPLE_DES = "3des"
    AES = "aes"
    RSA = "rsa-2048"
    SHA_1 = "sha-1"
    SHA_224 = "sha-224"
    SHA_256 = "sha-256"
    ECC = "ecc-gf-p"
    RANDOM = "random"


class KeyUse(StrEnum):
    """The two key pairs that are made inside a module: one signs invoices, one opens the session of its E-SDC."""

    SIGNING = "signing"
    CLIENT = "client"


@attrs.frozen(slots=True, kw_only=True)
class Hardware:
    """What a module says of itself. It has no number of its own: the factory supplies it blank (S1-059)."""

    controller: str
    form_factor: FormFactor
    protocols: frozenset[CardProtocol]
    algorithms: frozenset[ModuleAlgorithm]
