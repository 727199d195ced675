"""The documents for programs: valid OpenAPI 3.1, every route and code in them and nothing else, and a collection."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from described import Described, ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator
from taxcore_values import RESULT, SALE_BODY, body
from typer.testing import CliRunner

from tallystick.authority.channels.ecr.api import EcrApi
from tallystick.authority.channels.ecr.batches.api import BatchApi
from tallystick.authority.channels.ecr.commands import CommandsApi
from tallystick.authority.channels.ecr.node import NodeApi
from tallystick.authority.channels.ecr.registering import Registering
from tallystick.authority.channels.erp.api import ErpApi
from tallystick.authority.channels.erp.webhook_api import WebhookApi
from tallystick.authority.channels.sdc.api import SdcApi
from tallystick.cli import app
from tallystick.device.esdc.own_codes import own_codes
from tallystick.device.esdc.pos_api import description, routes
from tallystick.device.esdc.pos_codes import PosCode
from tallystick.device.esdc.status import MakerCode
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.status_codes import RESERVED, StatusCode
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.offline_batch import BATCHES_PATH
from tallystick.wire.openapi_ecr import ecr_api
from tallystick.wire.openapi_erp import erp_api
from tallystick.wire.openapi_pos import EXAMPLE_REQUEST, pos_api
from tallystick.wire.openapi_tax_queue import tax_queue_api
from tallystick.wire.openapi_tax_service import tax_service_api
from tallystick.wire.openapi_taxcore import taxcore_api
from tallystick.wire.pos_invoice import encode_json, invoice_result_json
from tallystick.wire.postman import SCHEMA, collection

POS, TAXCORE, ECR, ERP = pos_api(own_codes()), taxcore_api(), ecr_api(), erp_api()
ECR_BODY = ECR["paths"]["/ecr/v1/documents"]["post"]["requestBody"]["content"]["application/jose"]["schema"]
VECTORS = Path(__file__).parents[2] / "vectors/national_documents.json"
GOLDEN = [one["compact"] for one in json.loads(VECTORS.read_text())["documents"]]


@pytest.mark.parametrize(
    "document",
    [POS, TAXCORE, ECR, ERP, tax_queue_api(), tax_service_api()],
    ids=["pos", "taxcore", "ecr", "erp", "tax-queue", "tax-service"],
)
def test_a_document_is_valid_openapi_3_1_and_uses_all_that_it_defines(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))
    text = json.dumps(document)
    unused = [name for name in document["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert not unused


def test_every_route_of_the_pos_api_is_described_and_every_description_is_a_route() -> None:
    assert Described(POS).operations() == {(path, method) for path, methods in routes().items() for method in methods}
    assert json.loads(description()) == json.loads(encode_json(POS))


def test_every_route_of_taxcore_api_is_described_and_every_description_is_a_route() -> None:
    api = SdcApi.__new__(SdcApi)  # its table needs no services
    api._services = None  # type: ignore[assignment]
    table = {(path.replace("*", "{commandId}"), method) for path, methods in api.table().items() for method in methods}
    assert Described(TAXCORE).operations() == table


def test_every_route_of_the_national_online_channel_is_described_and_every_description_is_a_route() -> None:
    api = EcrApi.__new__(EcrApi)  # its tables need no services
    api._registering = Registering.__new__(Registering)
    api._node = NodeApi.__new__(NodeApi)
    api._node._registering = api._registering
    api._commands = CommandsApi.__new__(CommandsApi)
    tables = {**api.table(), **api.open_table(), **BatchApi.__new__(BatchApi).table()}

    def described(path: str) -> str:
        if path.startswith(BATCHES_PATH):
            return path.replace("/parts/*", "/parts/{part}").replace("*", "{batch}")
        return path.replace("*", "{code}" if "/receipts/" in path else "{number}")

    table = {(described(path), method) for path, methods in tables.items() for method in methods}
    assert Described(ECR).operations() == table


def test_every_route_of_the_erp_channel_is_described_and_every_description_is_a_route() -> None:
    api = ErpApi.__new__(ErpApi)  # its tables need no services
    api._webhooks = WebhookApi.__new__(WebhookApi)
    tables = {**api.table(), **api.open_table()}
    table = {(path.replace("*", "{id}"), method) for path, methods in tables.items() for method in methods}
    assert Described(ERP).operations() == table


def test_what_is_signed_fits_its_schemas() -> None:
    """The schemas of header and payload take the golden documents and no number of JSON."""
    for described, compact in product((Described(ECR), Described(ERP)), GOLDEN):
        header, payload = (json.loads(read_base64url(part.encode())) for part in compact.split(".")[:2])
        described.validate(ECR_BODY["x-jws-header"], header)
        described.validate(ECR_BODY["x-jws-payload"], payload)
        for wrong in (payload | {"version": 1}, payload | {"more": "x"}, payload | {"kind": "bill"}):
            with pytest.raises(ValidationError):
                described.validate(ECR_BODY["x-jws-payload"], wrong)
        with pytest.raises(ValidationError):
            described.validate(ECR_BODY["x-jws-header"], header | {"jwk": {}})
    assert len({json.loads(read_base64url(one.split(".")[1].encode()))["kind"] for one in GOLDEN}) >= 6


def test_every_code_is_listed() -> None:
    listed = set(POS["components"]["schemas"]["Code"]["enum"])
    assert listed == {*StatusCode, *MakerCode, *PosCode} - RESERVED
    words = POS["components"]["schemas"]["Code"]["description"]
    assert all(f"`{code}`" in words for code in {*StatusCode, *own_codes()})
    assert set(TAXCORE["components"]["schemas"]["FaultCode"]["enum"]) == set(CATALOGUE)


def test_codes_of_the_make_do_not_collide() -> None:
    codes = [*StatusCode, *MakerCode, *PosCode]
    assert len({str(code) for code in codes}) == len(codes)


def test_requests_and_results_of_the_tests_fit_the_schemas() -> None:
    described = Described(POS)
    request = {"$ref": "#/components/schemas/InvoiceRequest"}
    for value in (dict(EXAMPLE_REQUEST), SALE_BODY, {**SALE_BODY, "options": None, "invoiceType": 4, "hash": "x"}):
        described.validate(request, value)
    bad: list[dict[str, Any]] = [
        {"items": []},
        {"invoiceType": 9},
        {"cashier": "x" * 51},
        {"payment": ...},
        {"options": 1},
    ]
    for changes in bad:
        with pytest.raises(ValidationError):
            described.validate(request, json.loads(body(**changes)))
    made: dict[str, Any] = {}
    for shown in (True, False):
        made = invoice_result_json(RESULT, offset_minutes=60, include_qr=shown, include_journal=shown)
        described.validate({"$ref": "#/components/schemas/InvoiceResult"}, json.loads(encode_json(made)))
    with pytest.raises(ValidationError):
        described.validate({"$ref": "#/components/schemas/InvoiceResult"}, json.loads(encode_json(made)) | {"new": 1})


@pytest.mark.parametrize("document", [POS, TAXCORE, ECR], ids=["pos", "taxcore", "ecr"])
def test_the_collection_has_the_shape_of_format_2_1_and_one_request_an_operation(document: dict[str, Any]) -> None:
    made = collection(document)
    assert made["info"]["schema"] == SCHEMA
    assert made["info"]["name"] == document["info"]["title"]
    variables = {one["key"]: one["value"] for one in made["variable"]}
    assert variables["baseUrl"] == document["servers"][0]["url"]
    told = set()
    for item in made["item"]:
        request = item["request"]
        assert set(item) == {"name", "request", "response"}
        assert request["url"]["host"] == ["{{baseUrl}}"]
        assert request["url"]["raw"] == "{{baseUrl}}/" + "/".join(request["url"]["path"])
        shown = {part[1:] for part in request["url"]["path"] if part.startswith(":")}
        assert shown == {one["key"] for one in request["url"].get("variable", ())}
        assert all({"key", "value"} <= set(header) for header in request["header"])
        if "body" in request:
            assert request["body"]["mode"] == "raw"
            assert isinstance(request["body"]["raw"], str)
        path = "/" + "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in request["url"]["path"])
        told.add((path, request["method"]))
    assert told == Described(document).operations()


def test_the_collections_sale_is_the_example_and_calls_with_a_token_carry_it() -> None:
    sale = next(one for one in collection(POS)["item"] if one["request"]["url"]["path"][-1] == "invoices")
    assert json.loads(sale["request"]["body"]["raw"]) == EXAMPLE_REQUEST
    audit = next(one for one in collection(TAXCORE)["item"] if one["request"]["url"]["path"][-1] == "audit-proof")
    assert {"key": "TaxCoreAuthenticationToken", "value": "{{token}}"} in audit["request"]["header"]


@pytest.mark.parametrize(
    ("interface", "title"),
    [
        ("pos", "POS API of the E-SDC"),
        ("taxcore", "TaxCore.API"),
        ("ecr", "National online channel"),
        ("erp", "ERP channel"),
    ],
)
def test_the_command_prints_document_and_collection(interface: str, title: str) -> None:
    plain = CliRunner().invoke(app, ["openapi", interface, "--server", "http://192.0.2.7:1"])
    assert plain.exit_code == 0
    document = json.loads(plain.stdout)
    assert (document["info"]["title"], document["servers"]) == (title, [{"url": "http://192.0.2.7:1"}])
    made = CliRunner().invoke(app, ["openapi", interface, "--collection"])
    assert json.loads(made.stdout)["info"]["name"] == title
