"""`tallystick ecr run` as a process: an offline register without an authority, killed in the middle, started anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cards import country
from till_live import register_file

from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.national_orders import DeviceFacts, device_authority, device_order, device_profile
from tallystick.crypto.passphrase_keys import store_under_passphrase
from tallystick.device.ecr.place import begin_register
from tallystick.ops.till_tools import document_of, give_order, sale_of, status_of
from tallystick.wire.compact_jws import write_base64url

UID = "TILL0077"
START_SECONDS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An enrolled register of the hardware class whose authority is away."""
    pki, key = country().pki, generate_p256_key()
    facts = DeviceFacts(
        uid=UID,
        device_class=DeviceClass.HARDWARE,
        tin="100200300",
        taxpayer="Mill",
        premises="1",
        premises_name="Shop 1",
    )
    order = device_order(facts, key.public, pki.arc, device_profile(DeviceClass.HARDWARE, pki.arc))
    certificate = pki.authority(device_authority(DeviceClass.HARDWARE)).issue(order, datetime.now(UTC))
    genesis = write_base64url(bytes(range(32))).decode()  # of no contact yet: it has to be told
    register_file(tmp_path, uid=UID, genesis=genesis, **{"class": "hardware"})
    store_under_passphrase(tmp_path / "device.key", key, "1234")
    (tmp_path / "device.crt").write_bytes(pem_of(certificate))
    (tmp_path / "authority.crt").write_bytes(pki.files.root.read_bytes())
    (tmp_path / "pin").write_text("1234\n", encoding="utf-8")
    begin_register(tmp_path, "1234")
    return tmp_path


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once it says where it serves."""
    environment = os.environ | {"TALLYSTICK_STATE": str(folder / "state"), "TALLYSTICK_HEALTH_PORT": "0"}
    command = [sys.executable, "-m", "tallystick", "ecr", "run", str(folder), "--passphrase-file", str(folder / "pin")]
    (folder / "api.port").unlink(missing_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*command, "--api-port", "0", "--till-port", "0"], env=environment, stderr=log)
    try:
        until = time.monotonic() + START_SECONDS
        while not (folder / "api.port").exists():
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.soak
def test_s0_061_a_register_is_killed_in_the_middle_and_goes_on(folder: Path) -> None:
    sale = sale_of(["Bread:2.50:A:2"], "10", "")
    with running(folder) as process:
        give_order(folder, b'{"order":"register"}', "reg")
        give_order(folder, b'{"order":"open-shift","cash":"20"}', "open")
        first = give_order(folder, sale, "s1")
        process.kill()
        process.wait()
    with running(folder) as process:
        assert give_order(folder, sale, "s1") == first
        told = json.loads(status_of(folder))
        assert (told["documents"], told["waiting"], told["shift"]["cash"]) == ("3", "3", "25.00")
        assert told["offline"]["minutes_left"].startswith("43")
        assert json.loads(document_of(folder, 3))["change"] == "5.00"
        back = {"order": "refund", "original": f"{UID}-{UID}-3", "payments": [{"kind": "cash", "amount": "9"}]}
        too_much = json.dumps(back | {"lines": [{"name": "Bread", "price": "9", "labels": ["A"]}]}).encode()
        with pytest.raises(SystemExit, match="TS-3256"):
            give_order(folder, too_much, "r1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with pytest.raises(SystemExit, match="no register runs"):
        status_of(folder)
