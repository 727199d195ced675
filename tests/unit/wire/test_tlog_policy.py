"""Policy files by the words of C2SP tlog-policy."""

from __future__ import annotations

from itertools import combinations

import pytest

from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import KeyType, NoteKey
from tallystick.wire.tlog_policy import Policy, parse_policy, write_policy


def key(number: int, kind: KeyType = KeyType.COSIGNATURE) -> NoteKey:
    return NoteKey(f"key.example/{number}", kind, bytes([number]) * 32)


LOG = key(100, KeyType.LOG)
HEAD = f"log {LOG.verifier_key} https://log.example/\n"
WITNESSES = "".join(f"witness W{n} {key(n).verifier_key}\n" for n in range(1, 7))
LEVELS = (
    f"# two institutions\n\n{HEAD}{WITNESSES}\tgroup X\t2  W1 W2 W3 \ngroup Y any W4 W5\n"
    "group both all X Y\nquorum both\n"
)


def test_two_of_three_and_any_of_two_and_nothing_less() -> None:
    policy = parse_policy(LEVELS.encode())
    for count in range(7):
        for numbers in combinations(range(1, 7), count):
            expected = len({1, 2, 3} & set(numbers)) >= 2 and bool({4, 5} & set(numbers))
            assert policy.is_met_by([key(n) for n in numbers]) is expected, numbers


def test_a_witness_alone_or_none_may_be_the_quorum() -> None:
    one = parse_policy(f"{WITNESSES}quorum W2\n".encode())
    assert one.is_met_by([key(2)])
    assert not one.is_met_by([key(1), key(3)])
    assert parse_policy(b"quorum none\n").is_met_by([])


def test_what_is_written_is_read_again() -> None:
    policy = parse_policy(LEVELS.encode())
    assert parse_policy(write_policy(policy)) == policy
    assert policy.logs[0].url == "https://log.example/"


def test_octets_beyond_ascii_are_names_like_others() -> None:
    text = f"witness Ђ {key(1).verifier_key}\n".encode() + f"witness \xff {key(2).verifier_key}\nquorum ".encode(
        "latin-1"
    )
    policy: Policy = parse_policy(text + b"\xff\n")
    assert policy.is_met_by([key(2)])
    assert not policy.is_met_by([key(1)])
    assert parse_policy(write_policy(policy)) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        WITNESSES,
        f"{WITNESSES}quorum W1\nquorum W2\n",
        f"quorum W1\n{WITNESSES}",
        f"{WITNESSES}quorum W9\n",
        f"{WITNESSES}group X 4 W1 W2 W3\nquorum X\n",
        f"{WITNESSES}group X 0 W1 W2\nquorum X\n",
        f"{WITNESSES}group X 02 W1 W2\nquorum X\n",
        f"{WITNESSES}group X all\nquorum X\n",
        f"{WITNESSES}group X any none\nquorum X\n",
        f"{WITNESSES}group X any W1 W1\nquorum X\n",
        f"{WITNESSES}group X any W1\ngroup Y any W1\nquorum X\n",
        f"{WITNESSES}group X any Y\ngroup Y any W1\nquorum X\n",
        f"{WITNESSES}group W1 any W2\nquorum W1\n",
        f"{WITNESSES}group none any W2\nquorum none\n",
        f"{WITNESSES}witness again {key(1).verifier_key}\nquorum W1\n",
        f"{HEAD}{HEAD}quorum none\n",
        f"log {key(1).verifier_key}\nquorum none\n",
        f"witness W {LOG.verifier_key}\nquorum W\n",
        f"{WITNESSES}quorum W1 W2\n",
        "witness W nokey\nquorum W\n",
        "unheard of\nquorum none\n",
        "quorum none\r\n",
        "quorum none\x00\n",
        "quorum none\x7f\n",
        "#" + "x" * 70_000 + "\nquorum none\n",
    ],
)
def test_what_the_form_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(Fault) as refused:
        parse_policy(text.encode())
    assert refused.value.code == "TS-1220"
