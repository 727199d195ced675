"""A device proves its build when it fetches its token (S0-082, S0-083): certified, unknown, suspended, revoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from maker import NOW, REASON, VERA, MakerOfTills

from tallystick.authority.reference.builds import operations
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.kernel.builds import CERTIFICATION, BuildClass, Certification

TOKEN, COMMANDS = "/api/v3/sdc/token", "/api/v3/sdc/commands"
STRICT = {**CERTIFICATION, BuildClass.ESDC: Certification.REQUIRED}
ACME = MakerOfTills()


def certified(authority: Any, version: str = "1.0") -> str:
    with psycopg.connect(authority.dsn) as conn:
        build_id = ACME.certified(conn, version)
    authority.refresh()
    return build_id


def sign_in(device: Any, build_id: str) -> Any:
    reply = device.call("GET", TOKEN, headers={"Ts-Build": build_id})
    device.token = reply.json["token"] if reply.status == 200 else None
    return reply


def test_s0_082_where_the_country_wants_it_no_certified_build_no_token(start: Callable[..., Any]) -> None:
    authority = start(builds=BuildDirectory(STRICT))
    device = authority.device(signed_in=False)
    assert device.call("GET", TOKEN).code == "TS-2406"
    for wrong in ("00" * 32, "", "x", "'; DROP TABLE", "a" * 5000):
        assert sign_in(device, wrong).code == "TS-2406"
    assert sign_in(device, certified(authority)).status == 200
    assert device.call("GET", COMMANDS).status == 200


def test_s0_083_a_suspended_build_ends_the_session_that_it_opened(start: Callable[..., Any]) -> None:
    authority = start(builds=BuildDirectory(STRICT))
    device, build_id = authority.device(signed_in=False), certified(authority)
    sign_in(device, build_id)
    first = device.token
    with psycopg.connect(authority.dsn) as conn:
        operations.suspend(conn, build_id, VERA, "it drops sales now and then", NOW)
    authority.refresh()
    assert device.call("GET", COMMANDS).code == "TS-2406"
    assert sign_in(device, build_id).code == "TS-2406"
    newer = certified(authority, "2.0")
    assert sign_in(device, newer).status == 200
    assert device.token != first, "another build, another session"
    with psycopg.connect(authority.dsn) as conn:
        operations.certify(conn, build_id, VERA, REASON, NOW)
    authority.refresh()
    assert sign_in(device, build_id).status == 200


def test_a_device_of_another_maker_that_names_no_build_is_served(authority: Any) -> None:
    device = authority.device()
    assert device.call("GET", COMMANDS).status == 200
    assert sign_in(device, "00" * 32).status == 200, "an unknown one is not kept, and nothing is asked of it"
    with psycopg.connect(authority.dsn) as conn:
        assert conn.execute("SELECT count(*) FROM builds.proved").fetchone() == (0,)


def test_the_authority_knows_which_devices_run_a_build(authority: Any) -> None:
    build_id = certified(authority)
    for uid in ("ABCD1234", "WXYZ9876"):
        device = authority.device(uid, signed_in=False)
        for _ in range(2):
            assert sign_in(device, build_id).status == 200
    with psycopg.connect(authority.dsn) as conn:
        rows = conn.execute("SELECT uid, build_id FROM builds.proved ORDER BY uid").fetchall()
        tokens = conn.execute("SELECT DISTINCT build_id FROM sdc.token").fetchall()
    assert rows == [("ABCD1234", build_id), ("WXYZ9876", build_id)]
    assert tokens == [(build_id,)]
