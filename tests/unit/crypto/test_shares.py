"""Shares for custodians: SLIP-0039, its published vectors, and that fewer than the quorum give nothing."""

from __future__ import annotations

from itertools import combinations

import pytest
import shamir_mnemonic
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic.shamir import RawShare, _interpolate
from shamir_mnemonic.share import Share

from tallystick.crypto import shares
from tallystick.kernel.faults import Fault

# From vectors.json of SLIP-0039 (trezor/python-shamir-mnemonic), passphrase TREZOR.
SINGLE = (
    "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal "
    "husband erode duke ajar critical decision keyboard"
)
BAD_CHECKSUM = SINGLE.replace("keyboard", "kidney")
BAD_PADDING = (
    "duckling enlarge academic academic email result length solution fridge kidney coal piece deal "
    "husband erode duke ajar music cargo fitness"
)
TWO = (
    (
        "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist rescue "
        "view short owner flip making coding armed"
    ),
    (
        "shadow pistol academic acid actress prayer class unknown daughter sweater depict flip twice "
        "unkind craft early superior advocate guest smoking"
    ),
)
OTHER_SETS = (
    (
        "adequate smoking academic acid debut wine petition glen cluster slow rhyme slow simple epidemic "
        "rumor junk tracks treat olympic tolerate"
    ),
    (
        "adequate stay academic agency agency formal party ting frequent learn upstairs remember smear "
        "leaf damage anatomy ladle market hush corner"
    ),
)
WRONG_DIGEST = (
    (
        "guilt walnut academic acid deliver remove equip listen vampire tactics nylon rhythm failure "
        "husband fatigue alive blind enemy teaspoon rebound"
    ),
    (
        "guilt walnut academic agency brave hamster hobo declare herd taste alpha slim criminal mild "
        "arcade formal romp branch pink ambition"
    ),
)
LONG = (
    "theory painting academic academic armed sweater year military elder discuss acne wildlife "
    "boring employer fused large satoshi bundle carbon diagnose anatomy hamster leaves tracks paces "
    "beyond phantom capital marvel lips brave "
    "detect luck"
)


def code(*words: str) -> str:
    with pytest.raises(Fault) as caught:
        shares.combine(words)
    return caught.value.code


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ((SINGLE,), "bb54aac4b89dc868ba37d9cc21b2cece"),
        (TWO, "b43ceb7e57a0ea8766221624d01b0864"),
        ((LONG,), "989baf9dcaad5b10ca33dfd8cc75e42477025dce88ae83e75a230086a0e00e92"),
    ],
)
def test_published_vectors_open(words: tuple[str, ...], secret: str) -> None:
    assert shamir_mnemonic.combine_mnemonics(words, b"TREZOR").hex() == secret


def test_published_vectors_that_must_not_open() -> None:
    assert code(BAD_CHECKSUM) == code(BAD_PADDING) == "TS-3011"
    assert code(*OTHER_SETS) == code(*WRONG_DIGEST) == "TS-3011"
    assert code(TWO[0]) == code() == "TS-3035"


def test_every_quorum_of_five_gives_the_secret_and_no_two_do() -> None:
    secret = shares.new_secret()
    handed = shares.split(secret, 3, 5)
    assert [shares.read_share(words).number for words in handed] == [1, 2, 3, 4, 5]
    assert all(len(words.split()) == 33 for words in handed)
    for three in combinations(handed, 3):
        assert shares.combine(three) == secret
    for two in combinations(handed, 2):
        assert code(*two) == "TS-3035"
    assert shares.combine(handed) == secret
    assert code(handed[0], handed[0], handed[1]) == "TS-3035"
    assert code(handed[0], handed[0], handed[1], handed[2]) == "TS-3011"


def test_two_of_three_shares_leave_every_secret_possible() -> None:
    """Through two shares and any secret whatever goes a polynomial: for each there is a third share that fits."""
    secret = shares.new_secret()
    one, two, three = (Share.from_mnemonic(words) for words in shares.split(secret, 3, 5)[:3])
    known = [RawShare(share.index, share.value) for share in (one, two)]
    for candidate in (bytes(32), bytes(range(32)), shares.new_secret()):
        at_secret = [*known, RawShare(255, candidate)]
        third = RawShare(three.index, _interpolate(at_secret, three.index))
        assert _interpolate([*known, third], 255) == candidate
    true = _interpolate([*known, RawShare(three.index, three.value)], 255)
    assert true != bytes(32), "only the third share tells which of them it is"


@settings(max_examples=40)
@given(st.data())
def test_a_share_with_up_to_three_wrong_words_is_always_refused(data: st.DataObject) -> None:
    words = LONG.split()
    places = data.draw(st.lists(st.integers(0, 32), min_size=1, max_size=3, unique=True))
    for place in places:
        others = [word for word in LONG.split() if word != words[place]]
        words[place] = data.draw(st.sampled_from(others))
    with pytest.raises(Fault, match="TS-3011"):
        shares.read_share(" ".join(words))


def test_typing_is_forgiven() -> None:
    secret = shares.new_secret()
    first, second = shares.split(secret, 2, 2)
    assert shares.combine([f"  {first.upper()}\n", second.replace(" ", ", ")]) == secret


@pytest.mark.parametrize(("quorum", "count"), [(1, 5), (6, 5), (3, 17), (0, 0)])
def test_numbers_that_make_no_quorum(quorum: int, count: int) -> None:
    with pytest.raises(ValueError, match="quorum"):
        shares.split(bytes(32), quorum, count)


@settings(max_examples=25)
@given(st.text(max_size=200))
def test_anything_typed_is_a_share_or_a_coded_fault(text: str) -> None:
    with pytest.raises(Fault, match="TS-3011"):
        shares.read_share(text)
