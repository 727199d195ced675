"""Timestamps and trust list of the running process, whose keys another process holds; believed by openssl and curl."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pki_live import Live, openssl, problem, wait_for
from remote_bench import WHY, people

from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.remote import operations as remote
from tallystick.authority.reference.remote import queries as commands
from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.command_units import check_command_unit
from tallystick.crypto.trust_lists import check_signer
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import Hold
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import from_unix_ms
from tallystick.ops.command_signing import signers, unlogged_commands
from tallystick.ops.remote_devices import DEVICES
from tallystick.wire.device_command import read_command
from tallystick.wire.trust_list import read_der, read_trust_list

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl as second opinions"
)


def test_a_foreign_client_gets_a_timestamp(live: Live) -> None:
    data, query, reply = (live.folder / name for name in ("data", "query.tsq", "reply.tsr"))
    data.write_bytes(b"a declaration")
    openssl("ts", "-query", "-data", data, "-sha512", "-cert", "-out", query)
    url = f"http://127.0.0.1:{live.process.port}/tsa"
    kind = "Content-Type: application/timestamp-query"
    argv: list[str | Path] = [
        "curl",
        "-sf",
        "-H",
        kind,
        "--data-binary",
        f"@{query}",
        "-w",
        "%{content_type}",
        "-o",
        reply,
        url,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "application/timestamp-reply"
    said = openssl("ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", live.pki.files.root)
    assert "Verification: OK" in said
    labels = {file.stem for file in (live.state.keys / "signing").glob("timestamp-*.key")}
    assert len(labels) == 1
    assert not live.pki.files.private_key("timestamp").exists()
    journals = "".join(file.read_text() for file in (live.state.keys / "uses").iterdir())
    assert f"SIGN_TIMESTAMP {labels.pop()} " in journals


def test_garbage_is_refused_in_der_and_never_a_fault_of_ours(live: Live) -> None:
    for garbage in (b"", b"\x30", b"<html>", bytes(5_000)):
        status, kind, body = live.get("/tsa", "POST", garbage, Content_Type="application/timestamp-query")
        assert (status, kind) == (200, "application/timestamp-reply")
        assert body.endswith(bytes.fromhex("03020204")), "badDataFormat"
    status, _, body = live.get("/tsa", "POST", b"x", Content_Type="text/plain")
    assert (status, problem(body)) == (415, "TS-1002")
    status, _, body = live.get("/tsa", "POST", bytes(200_000), Content_Type="application/timestamp-query")
    assert (status, problem(body)) == (413, "TS-1003")
    assert live.get("/tsa")[0] == 404


def test_the_trust_list_is_signed_by_one_whom_the_root_certified(live: Live) -> None:
    wait_for(lambda: live.get("/trust-list")[0] == 200, "there is no trust list")
    _, kind, body = live.get("/trust-list")
    assert kind == "application/jose"
    read = read_trust_list(body, sha256)
    content = read.content
    roots = TrustStore.from_pem(live.pki.files.root.read_bytes())
    check_signer(
        read_der(content.signer), content.authority_certificates, roots, read.signed, read.signature,
        from_unix_ms(int(content.issuedAt)),
    )  # fmt: skip
    assert {one.name for one in content.authorities} == {plan.name for plan in live.pki.hierarchy}
    assert {one.service for one in content.services} == {"timestamp", "ocsp-responder"}


def test_s0_030_a_command_is_signed_by_its_own_unit_whose_key_another_process_holds(live: Live) -> None:
    """Within a second, with the use in the key process's journal and explained on the next reconcile."""
    people(live.conn)
    live.register("CMND0001")
    at = datetime.now(UTC)
    who = person(live.conn, "vera", "portal")
    remote.give(live.conn, DEVICES, ChannelRules(), "CMND0001", Hold(), WHY, who, at)
    live.conn.commit()

    def is_signed() -> bool:
        found = commands.outstanding(live.conn, "CMND0001", at)
        live.conn.rollback()
        return bool(found)

    wait_for(is_signed, "the command is not signed")
    (given,) = commands.outstanding(live.conn, "CMND0001", at)
    assert given.compact is not None
    read = read_command(given.compact)
    roots = TrustStore.from_pem(live.pki.files.root.read_bytes())
    certificates = signers(live.conn, {read.kid})
    check_command_unit(read.kid, certificates, roots, live.pki.arc, read.signing_input, read.signature, at)
    assert [one.what for one in reconcile(live.conn, at, commands.known_digests) if "command" in one.what] == []
    assert list(unlogged_commands(live.conn)) == []
    live.conn.rollback()
    journals = "".join(file.read_text() for file in (live.state.keys / "uses").iterdir())
    assert "SIGN_DEVICE_COMMAND device-commands-" in journals
    assert sha256(read.signing_input).hex() in journals
    assert not live.pki.files.private_key("device-commands").exists()
