"""Messages of TaxCore.API, rates and environments: round trips, and any body at every reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taxcore_values import GROUP, base64, mutated, only_faults

from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.wire import taxcore_api as api
from tallystick.wire.configuration import Configuration
from tallystick.wire.pos_status import SdcStatus, read_status, status_answer
from tallystick.wire.pos_values import encode_json
from tallystick.wire.tax_rates import parse_tax_rate_groups, read_tax_rate_groups, tax_rate_groups_json
from tallystick.wire.taxcore_api import AuditAnswer, Command, CommandReport, Environment, ProofOfAuditRequest, Token

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
moments = st.datetimes(datetime(1901, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC))
seconds = moments.map(lambda moment: moment.replace(microsecond=0))
commands = st.builds(Command, texts, st.integers(0, 2**31), texts, texts)
card_amounts = st.integers(0, 2**64 - 1).map(Money)
rates = st.builds(TaxRate, texts.filter(bool), st.integers(0, 10**20).map(Rate))
categories = st.builds(
    TaxCategory,
    texts,
    st.sampled_from(TaxCategoryType),
    st.integers(0, 255),
    st.lists(rates, max_size=4).map(tuple),
)
groups = st.builds(TaxRateGroup, moments, st.integers(0, 2**31 - 1), st.lists(categories, max_size=4).map(tuple))
CONFIGURATION_TEXTS = (
    "organization_name",
    "server_time_zone",
    "street",
    "city",
    "country",
    "environment_name",
    "logo",
    "ntp_server",
)
configurations = st.builds(
    Configuration,
    endpoints=st.dictionaries(texts, texts, max_size=5),
    supported_languages=st.lists(texts, max_size=3).map(tuple),
    **dict.fromkeys(CONFIGURATION_TEXTS, texts),
)


@given(st.lists(commands).map(tuple), st.integers(0, 100))
def test_commands_and_audit_answers(some: tuple[Command, ...], status: int) -> None:
    assert api.read_commands(api.write_commands(some)) == some
    assert api.read_audit_answer(api.write_audit_answer(AuditAnswer(status, some))) == AuditAnswer(status, some)


@given(st.builds(Token, texts.filter(bool), seconds))
def test_tokens(token: Token) -> None:
    assert api.read_token(api.write_token(token)) == token


@given(
    st.sampled_from((256, 260, 264)).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    card_amounts,
    card_amounts,
)
def test_proof_of_audit_requests(payload: bytes, total: Money, limit: Money) -> None:
    request = ProofOfAuditRequest(payload, total, limit)
    assert api.read_proof_of_audit_request(api.write_proof_of_audit_request(request)) == request


@given(st.lists(st.builds(CommandReport, texts, st.booleans(), moments)).map(tuple))
def test_reports(reports: tuple[CommandReport, ...]) -> None:
    assert api.read_reports(api.write_reports(reports)) == reports


@given(st.lists(st.builds(Environment, texts, texts, texts, texts)).map(tuple))
def test_environments(environments: tuple[Environment, ...]) -> None:
    assert api.read_environments(api.write_environments(environments)) == environments


@given(configurations)
def test_configurations(configuration: Configuration) -> None:
    assert api.parse_configuration(encode_json(api.environment_parameters(configuration))) == configuration


@given(st.lists(groups, max_size=4).map(tuple), st.booleans())
def test_tax_rate_groups(some: tuple[TaxRateGroup, ...], as_array: bool) -> None:
    assert parse_tax_rate_groups(encode_json(tax_rate_groups_json(some)).decode()) == some
    current = some[0] if some else None
    assert api.read_tax_rates(api.write_tax_rates(current, some, current_as_array=as_array)) == (current, some)


@given(
    st.builds(
        SdcStatus,
        is_pin_required=st.booleans(),
        audit_required=st.booleans(),
        sdc_time=moments,
        status_codes=st.lists(texts).map(tuple),
        current_tax_rates=st.none() | groups,
        all_tax_rates=st.lists(groups, max_size=2).map(tuple),
    ),
    st.none() | st.integers(-720, 720),
)
def test_status(status: SdcStatus, offset_minutes: int | None) -> None:
    assert read_status(status_answer(status, offset_minutes=offset_minutes)) == status


COMMAND = {"commandId": "1", "type": 5, "payload": "AA==", "uid": "AB12CD34"}
RATES = json.loads(encode_json(tax_rate_groups_json([GROUP])))
READERS: dict[str, tuple[Callable[[bytes], object], Any]] = {
    "commands": (api.read_commands, [COMMAND, COMMAND]),
    "audit answer": (api.read_audit_answer, {"status": 4, "commands": [COMMAND]}),
    "token": (api.read_token, {"token": "x", "expiresAt": "2020-12-23 15:18:33Z"}),
    "proof": (
        api.read_proof_of_audit_request,
        {"auditRequestPayload": base64(bytes(260)), "sum": 1, "limit": 2},
    ),
    "tax rates": (api.read_tax_rates, {"currentTaxRates": RATES, "allTaxRates": RATES}),
    "environments": (
        api.read_environments,
        [{"name": "x", "url": "x", "description": "x", "environmentName": "x"}],
    ),
    "certificate": (api.read_encryption_certificate, ["MII="]),
    "reports": (api.read_reports, [{"commandId": "1", "success": True, "dateAndTime": "2020-12-23T15:18:33Z"}]),
    "card reader": (api.read_reader_audit, {"AuditData": "AA==", "LimitData": "AA=="}),
    "configuration": (
        api.parse_configuration,
        {"city": "x", "endpoints": {"root": "x"}, "supportedLanguages": ["en-US"]},
    ),
    "status": (
        read_status,
        {"sdcDateTime": "2026-03-02", "gsc": ["0000"], "uid": "x", "currentTaxRates": RATES[0], "allTaxRates": RATES},
    ),
    "boolean": (lambda body: api.read_boolean(body, when_empty=None), ["true"]),
}


def only_a_value_or_a_fault(read: Callable[[bytes], object], body: bytes) -> None:
    with only_faults("TS-12", "TS-3101", "TS-1003"):
        read(body)


@pytest.mark.parametrize("name", READERS)
@given(st.data())
def test_any_change_of_a_message_is_read_or_refused(name: str, draw: st.DataObject) -> None:
    read, document = READERS[name]
    changed = draw.draw(mutated(document))
    only_a_value_or_a_fault(read, json.dumps(changed).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", READERS)
@given(st.binary())
def test_any_bytes_are_read_or_refused(name: str, body: bytes) -> None:
    only_a_value_or_a_fault(READERS[name][0], body)


@given(st.data())
def test_any_change_of_tax_rates_is_read_or_refused(draw: st.DataObject) -> None:
    payload = json.dumps(draw.draw(mutated(RATES)))
    with only_faults("TS-12"):
        parse_tax_rate_groups(payload)
    assert read_tax_rate_groups([]) == ()
