"""Shares of a secret for custodians, m of n, as words on paper: SLIP-0039 by its reference implementation.

A share of a 256-bit secret is 33 words of a list in which no two begin alike; three of them are a Reed-Solomon checksum
that finds any three wrong words. Fewer than m shares leave the secret open: of its 256 bits at most the 32 of the
digest, by which a whole set proves itself, could be narrowed (SLIP-0039, design rationale).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import attrs
import shamir_mnemonic
from shamir_mnemonic.share import Share

from tallystick.kernel.faults import Fault

SECRET_BYTES = 32
CUSTODIANS_MOST = 16
_WORDS = re.compile(r"[a-z]+")


@attrs.frozen(slots=True)
class ShareFacts:
    """What a share says of itself: the set it belongs to, its number (from 1), how many are needed."""

    set_number: int
    number: int
    quorum: int


def new_secret() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def split(secret: bytes, quorum: int, custodians: int) -> list[str]:
    """A share for each custodian; any ``quorum`` of them give the secret back. ``ValueError`` for other numbers."""
    if not 2 <= quorum <= custodians <= CUSTODIANS_MOST:
        raise ValueError(f"between 2 and {CUSTODIANS_MOST} custodians, and a quorum among them")
    (group,) = shamir_mnemonic.generate_mnemonics(1, [(quorum, custodians)], secret, iteration_exponent=0)
    return list(group)


def normalised(words: str) -> str:
    """A share as somebody typed it: lower case, single blanks, whatever stood between the words."""
    return " ".join(_WORDS.findall(words.lower()))


def read_share(words: str) -> ShareFacts:
    """What a typed share says; raises ``TS-3011`` when a word is unknown or the checksum does not fit."""
    try:
        share = Share.from_mnemonic(normalised(words))
    except (shamir_mnemonic.MnemonicError, ValueError) as error:
        raise Fault("TS-3011", detail=f"not a share: {error}") from None
    return ShareFacts(share.identifier, share.index + 1, share.member_threshold)


def combine(shares: Sequence[str]) -> bytes:
    """The secret again.

    Raises ``TS-3035`` when there are too few, ``TS-3011`` when one is wrong, of another set, or there twice.
    """
    facts = [read_share(share) for share in shares]
    if not facts or len({fact.number for fact in facts}) < facts[0].quorum:
        needed = facts[0].quorum if facts else "all"
        raise Fault("TS-3035", detail=f"{needed} custodians are needed, {len({f.number for f in facts})} are here")
    if len({(fact.set_number, fact.quorum) for fact in facts}) > 1:
        raise Fault("TS-3011", detail="the shares are of different sets")
    if len({fact.number for fact in facts}) < len(facts):
        raise Fault("TS-3011", detail="a share is there twice")
    try:
        return shamir_mnemonic.combine_mnemonics([normalised(share) for share in shares[: facts[0].quorum]])
    except shamir_mnemonic.MnemonicError as error:
        raise Fault("TS-3011", detail=f"the shares do not belong together: {error}") from None
