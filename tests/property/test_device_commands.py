"""Commands to devices: one spelling each, a coded fault for all else, and never carried out twice (S0-030)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import (
    TIME_MS_MAX,
    CommandResult,
    DeviceCommand,
    FirmwareNotice,
    Hold,
    Outcome,
    PolicyChange,
    RateChange,
    Release,
    Resend,
    Verdict,
    Wanted,
    judge,
    supersedes,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import UINT32_MAX, Uid
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.device_command import (
    read_command,
    read_result,
    read_wanted,
    signed_command,
    unsigned_command,
    write_result,
    write_wanted,
)

MOMENTS = st.integers(0, TIME_MS_MAX - 1)
NUMBERS = st.integers(1, UINT32_MAX)
UIDS = st.text("ABCXYZ0189", min_size=8, max_size=8).map(Uid)
HASHES = st.binary(min_size=32, max_size=32)
BUILDS = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text('aZ19éЖ€ქ"\\/', max_size=60)
AUDIENCES = st.just("fdo.example/aq/production")


@st.composite
def policies(draw: st.DrawFn) -> PolicyChange:
    members: dict[str, st.SearchStrategy[Any]] = {
        "offline_hours": st.integers(0, 744),
        "rolling_hours": st.integers(0, 744),
        "rolling_days": st.integers(1, 366),
        "shift_hours": st.integers(1, 48),
        "receipt_text": WORDS,
    }
    names = draw(st.sets(st.sampled_from(sorted(members)), min_size=1))
    return PolicyChange(**{name: draw(members[name]) for name in sorted(names)})


RATES = st.builds(
    RateChange,
    group=st.integers(0, UINT32_MAX),
    valid_from_ms=MOMENTS,
    labels=st.dictionaries(st.sampled_from("ABCЂФ"), st.sampled_from(["0", "20", "9.5", "12.25"]), min_size=1),
)
WANTED: st.SearchStrategy[Wanted] = st.one_of(
    st.builds(Hold),
    st.builds(Release),
    policies(),
    RATES,
    st.builds(Resend, first=NUMBERS),
    st.builds(FirmwareNotice, build=BUILDS, install_by_ms=MOMENTS),
)


@st.composite
def commands(draw: st.DrawFn) -> DeviceCommand:
    issued = draw(MOMENTS)
    return DeviceCommand(
        audience=draw(AUDIENCES), device=draw(UIDS), number=draw(NUMBERS), issued_ms=issued,
        expires_ms=draw(st.integers(issued + 1, TIME_MS_MAX)), wanted=draw(WANTED),
    )  # fmt: skip


@st.composite
def results(draw: st.DrawFn) -> CommandResult:
    outcome = draw(st.sampled_from(Outcome))
    return CommandResult(
        audience=draw(AUDIENCES), device=draw(UIDS), number=draw(NUMBERS), command_hash=draw(HASHES), outcome=outcome,
        reason=draw(WORDS.filter(bool)) if outcome is Outcome.REFUSED else "", made_ms=draw(MOMENTS),
        state=draw(st.sampled_from(["active", "hold"])), sequence=draw(st.integers(0, UINT32_MAX)),
        build=draw(st.one_of(st.just(""), BUILDS)),
    )  # fmt: skip


def compact_of(command: DeviceCommand) -> bytes:
    return signed_command(unsigned_command(command, bytes(32)), bytes(64))


def code_of(read: Callable[[], object]) -> str:
    try:
        read()
    except Fault as fault:
        return fault.code
    return ""


@given(commands(), HASHES, st.binary(min_size=64, max_size=64))
def test_a_command_is_read_as_it_was_written(command: DeviceCommand, kid: bytes, signature: bytes) -> None:
    read = read_command(signed_command(unsigned_command(command, kid), signature))
    assert (read.command, read.kid, read.signature) == (command, kid, signature)
    assert read.signing_input == unsigned_command(command, kid)


@given(results(), HASHES, st.binary(min_size=64, max_size=64))
def test_a_result_is_read_as_it_was_written(result: CommandResult, kid: bytes, signature: bytes) -> None:
    compact = write_result(result, kid, lambda _: signature)
    read = read_result(compact)
    assert (read.result, read.kid, read.signature, read.compact) == (result, kid, signature, compact)


@given(st.one_of(st.binary(max_size=300), commands().map(compact_of)), st.data())
def test_any_bytes_are_a_command_or_ts_3300_and_a_result_or_ts_3305(data: bytes, draws: st.DataObject) -> None:
    at, byte = draws.draw(st.integers(0, max(0, len(data) - 1))), draws.draw(st.integers(0, 255))
    spoilt = data[:at] + bytes([byte]) + data[at + 1 :]
    assert code_of(lambda: read_command(spoilt)) in ("", "TS-3300")
    assert code_of(lambda: read_result(spoilt)) == "TS-3305"


@given(commands(), st.sampled_from([b" ", b"\n"]))
def test_ts_3300_another_spelling_of_the_same_command_is_refused(command: DeviceCommand, blank: bytes) -> None:
    header, payload, signature = compact_of(command).split(b".")
    for part in (header, payload):
        text = read_base64url(part)
        other = compact_of(command).replace(part, write_base64url(text[:1] + blank + text[1:]))
        assert code_of(partial(read_command, other)) == "TS-3300"
    assert code_of(lambda: read_command(header + b"." + payload + b"." + signature + b"A")) == "TS-3300"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"kind":"hold","first":"1"}',
        b'{"first":"1","first":"2","kind":"resend"}',
        b'{"first":1,"kind":"resend"}',
        b'{"first":"0","kind":"resend"}',
        b'{"first":"01","kind":"resend"}',
        b'{"kind":"explode"}',
        b'{"kind":"policy"}',
        b'{"kind":"policy","offline_hours":"745"}',
        b'{"kind":"policy","receipt_text":"a\\u0007"}',
        b'{"group":"1","kind":"rates","labels":{"A":"1e3"},"valid_from":"2026-11-27T10:00:00.000Z"}',
        b'{"group":"1","kind":"rates","labels":"A","valid_from":"2026-11-27T10:00:00.000Z"}',
        b'{"build":"AB","install_by":"2026-11-27T10:00:00.000Z","kind":"firmware"}',
        b'{"build":"' + b"a" * 64 + b'","install_by":"2026-02-30T10:00:00.000Z","kind":"firmware"}',
        b"[]",
        b"[" * 100_000,
    ],
)
def test_ts_3300_payloads_that_are_none(payload: bytes) -> None:
    assert code_of(lambda: read_wanted(payload)) == "TS-3300"


def test_ts_3305_a_refusal_says_why_and_nothing_else_does() -> None:
    said = {"audience": "a", "device": Uid("SOFT0001"), "number": 1, "command_hash": bytes(32), "made_ms": 0}
    for outcome, reason in ((Outcome.REFUSED, ""), (Outcome.DONE, "because")):
        with pytest.raises(Fault, match="TS-3305"):
            CommandResult(**said, outcome=outcome, reason=reason, state="hold", sequence=0, build="")  # type: ignore[arg-type]


@given(WANTED)
def test_a_payload_has_one_spelling(wanted: Wanted) -> None:
    assert write_wanted(read_wanted(write_wanted(wanted))) == write_wanted(wanted)


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 20)), max_size=30))
def test_s0_030_no_command_is_carried_out_twice_out_of_order_or_after_its_end(
    arrivals: list[tuple[int, bool, int]],
) -> None:
    """Whatever a network does with commands: repeats, swaps, delays, and other bytes under a known number."""
    answered: dict[int, bytes] = {}
    carried_out: list[tuple[int, bytes]] = []
    for number, is_other, now in arrivals:
        wanted = Resend(first=2) if is_other else Hold()
        command = DeviceCommand(
            audience="a", device=Uid("SOFT0001"), number=number, issued_ms=0, expires_ms=10 + number, wanted=wanted
        )
        digest = sha256(compact_of(command))
        verdict = judge(command, digest, answered, now)
        if verdict is Verdict.CARRY_OUT:
            assert now < command.expires_ms
            carried_out.append((number, digest))
        if verdict in (Verdict.CARRY_OUT, Verdict.REFUSE_EXPIRED):
            answered[number] = digest
        if verdict is Verdict.ANSWER_AGAIN:
            assert answered[number] == digest
    numbers = [number for number, _ in carried_out]
    assert numbers == sorted(set(numbers))


@given(WANTED, WANTED)
def test_only_what_is_about_the_same_thing_is_superseded(newer: Wanted, older: Wanted) -> None:
    about = {"hold": "selling", "release": "selling"}
    if supersedes(newer, older):
        assert about.get(newer.kind, newer.kind) == about.get(older.kind, older.kind)
    assert supersedes(newer, newer)


def test_a_policy_change_takes_the_place_of_one_that_sets_nothing_else() -> None:
    one, both = PolicyChange(shift_hours=12), PolicyChange(shift_hours=8, offline_hours=24)
    assert supersedes(both, one)
    assert not supersedes(one, both), "the limit of hours without contact would be lost"
    assert not supersedes(Resend(first=5), Resend(first=3)), "what lies between would never be sent"


def test_ts_3300_no_device_gets_more_than_its_country_gives() -> None:
    PolicyChange(offline_hours=72, shift_hours=24).require_within(ChannelRules())
    for policy in (PolicyChange(offline_hours=73), PolicyChange(shift_hours=25)):
        with pytest.raises(Fault, match="TS-3300"):
            policy.require_within(ChannelRules())
