"""S0-039: the authority's signatures come from processes over a SoftHSM token, and survive what happens to them."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from key_processes import KeyProcesses

from tallystick.authority.keys.signing_unit import PATIENCE_SECONDS, SigningUnit
from tallystick.crypto.key_purposes import verify_use
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault

pytestmark = [pytest.mark.timeout(120), pytest.mark.soak]
MESSAGE = bytes(102)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyProcesses]:
    made = KeyProcesses.make(tmp_path_factory.mktemp("token"))
    made.start(1, 2)
    yield made
    made.end()


def fault_code(unit: SigningUnit) -> str:
    with pytest.raises(Fault) as caught:
        unit.sign("poa", Use.SIGN_PROOF, MESSAGE)
    return caught.value.code


def until_it_signs(unit: SigningUnit) -> bytes:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        with suppress(Fault):
            return unit.sign("poa", Use.SIGN_PROOF, MESSAGE)
        time.sleep(0.05)
    raise AssertionError("it does not recover")


def test_every_kind_of_signature_comes_through_the_process(processes: KeyProcesses) -> None:
    unit = processes.unit(1, 2)
    for label, use in (("poa", Use.SIGN_PROOF), ("log", Use.SIGN_CHECKPOINT), ("ca", Use.SIGN_CERTIFICATE_P384)):
        _, public = unit.public_key(label)
        verify_use(public, use, MESSAGE, unit.sign(label, use, MESSAGE))
    for label, use in (("log", Use.SIGN_PROOF), ("poa", Use.SIGN_INVOICE), ("ca", Use.SIGN_CHECKPOINT)):
        with pytest.raises(Fault, match="TS-1310"):
            unit.sign(label, use, MESSAGE)
    unit.close()


def test_without_any_process_the_circuit_opens_and_closes_by_itself(processes: KeyProcesses) -> None:
    unit = processes.unit(1, 2)
    unit.check()
    for number in (1, 2):
        processes.signal(number, signal.SIGSTOP)  # hangs, as a token on a network does
    started = time.monotonic()
    assert fault_code(unit) == "TS-5004"
    waited = time.monotonic() - started
    assert PATIENCE_SECONDS - 0.1 < waited < PATIENCE_SECONDS + 1.5
    started = time.monotonic()
    assert fault_code(unit) == "TS-5004"
    assert time.monotonic() - started < 0.1, "an open circuit does not wait"
    for number in (1, 2):
        processes.signal(number, signal.SIGCONT)
    until_it_signs(unit)
    unit.close()


def test_a_process_killed_in_the_middle_costs_nothing_while_another_lives(processes: KeyProcesses) -> None:
    unit = processes.unit(1, 2)
    expected, signed, faults = unit.sign("poa", Use.SIGN_PROOF, MESSAGE), 0, []
    ends = threading.Event()

    def sign() -> None:
        nonlocal signed
        while not ends.is_set():
            try:
                assert unit.sign("poa", Use.SIGN_PROOF, MESSAGE) == expected
                signed += 1
            except Fault as fault:
                faults.append(fault)

    signing = threading.Thread(target=sign)
    signing.start()
    time.sleep(0.3)
    processes.kill(1)
    before = signed
    time.sleep(0.5)
    processes.start(1)
    processes.kill(2)
    time.sleep(0.3)
    ends.set()
    signing.join()
    assert not faults
    assert signed > before > 0
    unit.close()


def test_a_token_that_goes_and_comes_back(processes: KeyProcesses) -> None:
    unit = processes.unit(1)
    expected = unit.sign("poa", Use.SIGN_PROOF, MESSAGE)
    tokens, away = processes.folder / "tokens", processes.folder / "away"
    processes.kill(1)
    tokens.rename(away)
    processes.start(1)  # comes up without its token, and says so
    assert fault_code(unit) == "TS-5004"
    if tokens.exists():
        tokens.rmdir()
    away.rename(tokens)
    assert until_it_signs(unit) == expected
    unit.close()


def test_ecdsa_is_not_asked_again_once_a_request_has_left(tmp_path: Path) -> None:
    """A signature with chance in it may have been made: a second one would be one that nothing explains."""
    path, asked = tmp_path / "s", []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def take_and_die() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            asked.append(connection.recv(4096))
            connection.close()

    taking = threading.Thread(target=take_and_die)
    taking.start()
    unit = SigningUnit(path)
    with pytest.raises(Fault, match="not repeated"):
        unit.sign("ca", Use.SIGN_CERTIFICATE_P384, b"tbs")
    assert len(asked) == 1
    with pytest.raises(Fault, match="TS-5004"):
        unit.sign("poa", Use.SIGN_PROOF, MESSAGE)
    assert len(asked) > 2, "a deterministic one is asked again"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    taking.join()
