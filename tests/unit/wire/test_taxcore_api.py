"""TaxCore.API messages in the published shapes, and in the forms of three families of field devices."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from taxcore_values import GROUP, base64

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.wire import taxcore_api as api
from tallystick.wire.taxcore_api import AuditAnswer, Command, CommandReport, CommandType, Environment, Token

COMMAND = Command("3930ceef-f637-444d-8295-f629d6e482d3", 5, base64(bytes(256)), "AB12CD34")
NOW = datetime(2020, 12, 23, 15, 18, 33, tzinfo=UTC)


def code_of(read: Any, body: bytes) -> str:
    """The fault that a reader raises."""
    with pytest.raises(Fault) as caught:
        read(body)
    return caught.value.code


def test_commands() -> None:
    body = api.write_commands([COMMAND])
    assert json.loads(body) == [
        {"commandId": COMMAND.command_id, "type": 5, "payload": COMMAND.payload, "uid": "AB12CD34"}
    ]
    assert api.read_commands(body) == (COMMAND,)
    assert api.read_commands(b"") == api.read_commands(b"null") == api.read_commands(b"[]") == ()


def test_payloads_are_text_even_when_they_hold_json() -> None:
    command = Command("1", CommandType.SET_TAX_RATES, '[{"a":"Ж"}]', "AB12CD34")
    assert json.loads(api.write_commands([command]))[0]["payload"] == '[{"a":"Ж"}]'
    assert api.read_commands(api.write_commands([command])) == (command,)


def test_entries_without_their_four_members_are_skipped() -> None:
    broken = [
        None,
        5,
        {},
        {"commandId": "1", "type": 1, "payload": "x"},
        {"commandId": 1, "type": 1, "payload": "", "uid": ""},
    ]
    whole = {"CommandId": "1", "Type": 1, "Payload": "x", "UID": "AB12CD34"}
    assert api.read_commands(json.dumps([*broken, whole]).encode()) == (Command("1", 1, "x", "AB12CD34"),)


@pytest.mark.parametrize(
    ("form", "number"), [(8, 8), ("8", 8), ("ForwardProofOfAudit", 5), ("settaxrates", 0), (3, 3), (99, 99)]
)
def test_command_types_in_every_form(form: int | str, number: int) -> None:
    entry = {"commandId": "1", "type": form, "payload": "", "uid": "AB12CD34"}
    (command,) = api.read_commands(json.dumps([entry]).encode())
    assert command.type == number


def test_unpublished_types_have_no_meaning() -> None:
    assert [Command("1", number, "", "").known_type for number in (3, 6, 9, -1)] == [None] * 4
    assert {Command("1", kind, "", "").known_type for kind in CommandType} == set(CommandType)


def test_an_entry_with_an_unreadable_type_is_skipped() -> None:
    for form in (True, "nonsense", "99999", 1.5, None):
        entry = {"commandId": "1", "type": form, "payload": "", "uid": ""}
        assert api.read_commands(json.dumps([entry]).encode()) == ()


def test_audit_answer() -> None:
    answer = AuditAnswer(4, (COMMAND,))
    assert json.loads(api.write_audit_answer(answer))["status"] == 4
    assert api.read_audit_answer(api.write_audit_answer(answer)) == answer
    assert api.read_audit_answer(b'{"status":1,"commands":null}') == AuditAnswer(1)
    for body in (b"4", b'{"commands":[]}', b'{"status":"4"}', b'{"status":true}', b'{"status":4,"commands":{}}'):
        assert code_of(api.read_audit_answer, body) == "TS-1220"


def test_token_with_a_blank_in_its_time_as_published() -> None:
    token = Token("5b2c7a52-8b4f-4d9c-9a0e-0a1b2c3d4e5f", NOW)
    body = api.write_token(token)
    assert json.loads(body) == {"token": token.token, "expiresAt": "2020-12-23 15:18:33Z"}
    assert api.read_token(body) == token
    assert api.read_token(body.replace(b"23 15", b"23T15").replace(b"Z", b"")) == token
    for broken in (b"{}", b"[]", b'{"token":"","expiresAt":"2020-12-23"}', b'{"token":"x","expiresAt":5}'):
        assert code_of(api.read_token, broken) == "TS-1220"


def proof(size: int, sum_: object = 110_340_000, limit: object = 10**9) -> bytes:
    return json.dumps({"auditRequestPayload": base64(bytes(size)), "sum": sum_, "limit": limit}).encode()


@pytest.mark.parametrize("size", [256, 260, 264])
def test_s2_095_proof_of_audit_requests_of_three_lengths_c_01(size: int) -> None:
    request = api.read_proof_of_audit_request(proof(size))
    assert request.audit_request_payload == bytes(size)
    assert (request.sum, request.limit) == (Money(110_340_000), Money(10**9))
    assert api.read_proof_of_audit_request(api.write_proof_of_audit_request(request)) == request


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        proof(255),
        proof(0),
        proof(512),
        proof(260, sum_=-1),
        proof(260, sum_="1"),
        proof(260, sum_=1.5),
        proof(260, limit=None),
        proof(260, limit=2**64),
        b'{"auditRequestPayload":"!","sum":1,"limit":1}',
        b'{"auditRequestPayload":5,"sum":1,"limit":1}',
    ],
)
def test_malformed_proof_of_audit_requests(body: bytes) -> None:
    assert code_of(api.read_proof_of_audit_request, body) == "TS-3101"


def test_amounts_of_the_card_may_carry_a_fraction_of_zero() -> None:
    assert api.read_proof_of_audit_request(proof(260, sum_=5.0)).sum == Money(5)


@pytest.mark.parametrize("body", [b"true", b'"true"', b"True", b'"True"', b" true\r\n", b"'TRUE'", b"\xef\xbb\xbftrue"])
def test_true_in_the_forms_of_field_devices(body: bytes) -> None:
    assert api.read_boolean(body, when_empty=None) is True
    assert api.read_boolean(body.lower().replace(b"true", b"false"), when_empty=True) is False


def test_an_empty_boolean_means_what_the_call_says() -> None:
    assert api.read_boolean(b"", when_empty=True) is True
    assert api.read_boolean(b" \n", when_empty=False) is False
    for body in (b"", b"1", b"yes", b"truefalse", b"null", b"true" * 1000, b"\xff"):
        with pytest.raises(Fault) as caught:
            api.read_boolean(body, when_empty=None)
        assert caught.value.code == "TS-1210"
    assert api.read_boolean(api.write_boolean(True), when_empty=None)
    assert not api.read_boolean(api.write_boolean(False), when_empty=None)


@pytest.mark.parametrize("as_array", [True, False])
def test_shared_tax_rates_in_both_forms_of_c_02(as_array: bool) -> None:
    body = api.write_tax_rates(GROUP, [GROUP], current_as_array=as_array)
    assert isinstance(json.loads(body)["currentTaxRates"], list) is as_array
    assert api.read_tax_rates(body) == (GROUP, (GROUP,))
    assert api.read_tax_rates(api.write_tax_rates(None, [], current_as_array=as_array)) == (None, ())


def test_environments() -> None:
    environments = (Environment("Demo", "demo.example", "for trying", "DEMO"),)
    assert api.read_environments(api.write_environments(environments)) == environments
    assert api.read_environments(b'[{"name":"x"}]') == (Environment("x", "", "", ""),)
    for body in (b"{}", b"[5]"):
        assert code_of(api.read_environments, body) == "TS-1220"


def test_encryption_certificate_is_base64_in_a_json_string() -> None:
    assert api.write_encryption_certificate(b"\x30\x82") == b'"MII="'
    assert api.read_encryption_certificate(b'"MII="') == b"\x30\x82"
    for body in (b'""', b"5", b'"!"'):
        assert code_of(api.read_encryption_certificate, body) == "TS-1220"


def test_reports_of_a_results_file() -> None:
    reports = (CommandReport("1", True, NOW), CommandReport("2", False, NOW))
    body = api.write_reports(reports)
    assert json.loads(body)[0] == {"commandId": "1", "success": True, "dateAndTime": "2020-12-23T15:18:33.0000000Z"}
    assert api.read_reports(body) == reports
    one = b'{"dateAndTime":"2020-12-23T16:18:33+01:00","commandId":"1","success":true}'
    assert api.read_reports(one) == reports[:1]
    for broken in (b"5", b"[5]", one.replace(b"true", b'"true"'), one.replace(b"2020", b"20x0")):
        assert code_of(api.read_reports, broken) == "TS-1220"


def test_audit_data_of_the_vendors_card_reader() -> None:
    body = json.dumps({"AuditData": base64(b"arp"), "LimitData": base64(b"limit")}).encode()
    assert api.read_reader_audit(body) == (b"arp", b"limit")
    assert code_of(api.read_reader_audit, b'{"AuditData":"","LimitData":5}') == "TS-3101"


def test_no_message_takes_broken_json() -> None:
    readers = (
        api.read_commands,
        api.read_audit_answer,
        api.read_token,
        api.read_proof_of_audit_request,
        api.read_tax_rates,
        api.read_environments,
        api.read_encryption_certificate,
        api.read_reports,
        api.read_reader_audit,
    )
    for read in readers:
        assert code_of(read, b"{") == "TS-1210"
