"""Request Authentication Token: who gets one, the same one while it lives, and what a bad certificate is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.sdc import tasks
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.certificates import read_card_certificate

TOKEN = "/api/v3/sdc/token"
Start = Callable[..., Any]


def test_s2_092_a_token_is_a_guid_for_eight_hours(authority: Any) -> None:
    reply = authority.device(signed_in=False).call("GET", TOKEN)
    assert reply.status == 200
    assert str(UUID(reply.json["token"])) == reply.json["token"]
    assert reply.json["expiresAt"] == "2026-11-21 18:00:00Z", "a blank where ISO has a T, as published"


def test_s2_092_the_same_token_again_until_it_expires_then_another(authority: Any) -> None:
    device = authority.device()
    first = device.token
    authority.clock.now += timedelta(hours=7, minutes=59)
    authority.refresh()
    assert device.sign_in() == first
    authority.clock.now += timedelta(minutes=1)
    authority.refresh()
    assert device.call("GET", "/api/v3/sdc/commands").code == "TS-1105"
    assert device.sign_in() != first
    assert device.call("GET", "/api/v3/sdc/commands").status == 200


def test_s2_092_the_same_token_after_a_restart(start: Start, pki: Any) -> None:
    device = start().device()
    restarted = start()
    device.port = restarted.port
    before = device.token
    assert device.call("GET", "/api/v3/sdc/commands").status == 200, "and the old one is taken"
    assert device.sign_in() == before


def test_another_server_key_makes_other_tokens_and_the_old_ones_are_void(start: Start) -> None:
    device = start().device()
    device.port = start(server_key=b"q" * 32).port
    before = device.token
    assert device.sign_in() != before
    device.token = before
    assert device.call("GET", "/api/v3/sdc/commands").code == "TS-1105"


def test_each_certificate_has_its_own_token(authority: Any) -> None:
    assert authority.device("ABCD1234").token != authority.device("ABCD1235").token


def test_the_same_token_for_all_who_ask_at_once(authority: Any) -> None:
    device = authority.device(signed_in=False)
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: device.call("GET", TOKEN).json["token"], range(16)))
    assert len(set(replies)) == 1


def test_the_table_holds_no_token(authority: Any) -> None:
    token = authority.device().token
    with authority.database() as conn:
        row = conn.execute("SELECT * FROM sdc.token").fetchone()
    assert token not in repr(row)
    assert UUID(token).bytes.hex() not in repr([bytes(v).hex() if isinstance(v, bytes) else v for v in row])


def test_a_token_ends_with_its_certificate(authority: Any) -> None:
    device = authority.device(signed_in=False)
    end = read_card_certificate(authority.pki.client_certificate("ABCD1234")).not_after
    authority.clock.now = end - timedelta(hours=1)
    authority.refresh()
    assert device.call("GET", TOKEN).json["expiresAt"] == f"{end:%Y-%m-%d %H:%M:%SZ}"


def test_ts_1101_no_certificate(authority: Any) -> None:
    reply = authority.stranger().call("GET", TOKEN)
    assert (reply.status, reply.code) == (401, "TS-1101")
    assert "www-authenticate" in reply.headers


def test_ts_1102_a_chain_that_is_not_ours_although_the_environment_is_named_right(start: Start, pki: Any) -> None:
    authority = start(environment=(5, 8))
    reply = authority.stranger(pki.client_certificate("ABCD1234", issuer=pki.foreign)).call("GET", TOKEN)
    assert (reply.status, reply.code) == (401, "TS-1102")


def test_a_chain_that_tls_does_not_know_ends_in_an_alert(authority: Any, tmp_path: Any) -> None:
    unknown = type(authority.pki)(tmp_path / "unknown")
    context = unknown.client_context(unknown.client_certificate("ABCD1234"))
    context.load_verify_locations(authority.pki.ours.files.root)
    device = authority.stranger()
    device.context = context
    with pytest.raises((ssl.SSLError, ConnectionError)):
        device.call("GET", TOKEN)


def test_ts_1103_an_expired_certificate(authority: Any) -> None:
    device = authority.device(signed_in=False)
    authority.clock.now += timedelta(days=4 * 365 + 2)
    authority.refresh()
    reply = device.call("GET", TOKEN)
    assert (reply.status, reply.code) == (401, "TS-1103")


def test_ts_1103_a_certificate_that_is_not_valid_yet(authority: Any) -> None:
    certificate = authority.pki.client_certificate("ABCD1234", at=authority.clock.now + timedelta(days=1))
    assert authority.device(certificate=certificate, signed_in=False).call("GET", TOKEN).code == "TS-1103"


def test_ts_1104_a_revoked_certificate(authority: Any) -> None:
    certificate = authority.pki.client_certificate("ABCD1234")
    device = authority.device(certificate=certificate)
    with authority.database() as conn:
        registry.revoke_certificate(conn, read_card_certificate(certificate).sha256, "ABCD1234", authority.clock.now)
    authority.refresh()
    reply = device.call("GET", TOKEN)
    assert (reply.status, reply.code) == (403, "TS-1104")
    assert device.call("GET", "/api/v3/sdc/commands").code == "TS-1104", "and its session has ended"


@pytest.mark.parametrize(
    ("state", "code"), [(SecureElementState.REVOKED, "TS-1104"), (SecureElementState.CLOSED, "TS-2401")]
)
def test_the_state_of_the_card_is_looked_at_on_each_use(authority: Any, state: SecureElementState, code: str) -> None:
    device = authority.device()
    with authority.database() as conn:
        registry.set_state(conn, "ABCD1234", state, authority.clock.now)
    authority.refresh()
    assert device.call("GET", "/api/v3/sdc/commands").code == code
    assert device.call("GET", TOKEN).code == code


def test_a_card_on_hold_may_call_for_its_packages_are_kept(authority: Any) -> None:
    device = authority.device()
    with authority.database() as conn:
        registry.set_state(conn, "ABCD1234", SecureElementState.HOLD, authority.clock.now)
    authority.refresh()
    assert device.call("GET", "/api/v3/sdc/commands").status == 200


def test_ts_1108_a_certificate_of_another_environment(authority: Any) -> None:
    certificate = authority.pki.client_certificate("ABCD1234", issuer=authority.pki.foreign)
    reply = authority.stranger(certificate).call("GET", TOKEN)
    assert (reply.status, reply.code) == (403, "TS-1108")


def test_ts_2405_the_signing_certificate_opens_no_session(authority: Any) -> None:
    certificate = authority.pki.signing_certificate("ABCD1234")
    assert authority.device(certificate=certificate, signed_in=False).call("GET", TOKEN).code == "TS-2405"


def test_ts_2401_a_card_that_nobody_registered(authority: Any) -> None:
    reply = authority.stranger(authority.pki.client_certificate("NOBODY01")).call("GET", TOKEN)
    assert (reply.status, reply.code) == (403, "TS-2401")


def test_ts_1313_a_card_registered_for_another_taxpayer(authority: Any) -> None:
    certificate = authority.pki.client_certificate("ABCD1234", tin="200000002")
    assert authority.device(certificate=certificate, signed_in=False).call("GET", TOKEN).code == "TS-1313"


def test_ts_1106_a_token_on_a_connection_of_another_certificate(authority: Any) -> None:
    first, second = authority.device("ABCD1234"), authority.device("ABCD1235")
    second.token = first.token
    reply = second.call("GET", "/api/v3/sdc/commands")
    assert (reply.status, reply.code) == (401, "TS-1106")


def test_the_certificate_is_demanded_at_the_token_endpoint_only(authority: Any) -> None:
    bare = authority.stranger()
    bare.token = authority.device().token
    assert bare.call("GET", "/api/v3/sdc/commands").status == 200


@pytest.mark.parametrize(
    "token", [None, "", "x", "00000000-0000-4000-8000-000000000000", "é" * 36, "1" * 4000, "{'a':1}" * 5]
)
def test_ts_1105_an_unknown_token(authority: Any, token: str | None) -> None:
    device = authority.device(signed_in=False)
    headers = {} if token is None else {"TaxCoreAuthenticationToken": token.encode().decode("latin-1")}
    for method, path in (
        ("GET", "/api/v3/sdc/commands"),
        ("PUT", "/api/v3/sdc/status"),
        ("PUT", "/api/v3/sdc/commands/3930CEEF-F637-444D-8295-F629D6E482D3"),
        ("POST", "/api/v3/sdc/audit"),
        ("POST", "/api/v3/sdc/audit-proof"),
    ):
        reply = device.call(method, path, headers=headers)
        assert (reply.status, reply.code) == (401, "TS-1105"), path


def test_a_token_in_capitals_and_a_header_name_in_any_case(authority: Any) -> None:
    device = authority.device()
    token, device.token = device.token, None
    assert (
        device.call("GET", "/api/v3/sdc/commands", headers={"taxcoreAUTHENTICATIONtoken": token.upper()}).status == 200
    )


def test_ts_1109_while_the_state_of_certificates_is_not_known_nobody_is_let_in(authority: Any) -> None:
    device = authority.device()
    authority.follower.stop()
    authority.clock.now += timedelta(minutes=6)
    reply = device.call("GET", "/api/v3/sdc/commands")
    assert (reply.status, reply.code) == (503, "TS-1109")
    assert reply.headers["retry-after"] == "10"
    assert device.call("GET", TOKEN).code == "TS-1109"


def test_ts_5009_without_a_database_there_is_no_new_token_and_no_crash(start: Start) -> None:
    away = ConnectionPool("host=127.0.0.1 port=1 connect_timeout=1", min_size=0, max_size=2, open=True, name="away")
    authority = start(pool=away, database_wait_seconds=0.3)
    try:
        reply = authority.device(signed_in=False).call("GET", TOKEN)
    finally:
        away.close()
    assert (reply.status, reply.code) == (503, "TS-5009")
    assert reply.headers["retry-after"] == "5"


def test_expired_tokens_are_removed(authority: Any) -> None:
    authority.device()
    with psycopg.connect(authority.dsn) as conn:
        now = authority.clock.now
        assert tasks.remove_expired_tokens(conn, now + timedelta(hours=9)) == 0
        assert tasks.remove_expired_tokens(conn, now + timedelta(hours=33)) == 1
