"""What a running E-SDC answers is what its own `/openapi.json` says, good and bad."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
from described import Described
from esdc_bench import PIN, UID, body
from esdc_live import SETTINGS, Scene, http, play

from tallystick.device.esdc.accreditation import Accreditation
from tallystick.wire.openapi_pos import EXAMPLE_REQUEST

V3 = "/api/v3"
EVERYTHING = json.dumps({**EXAMPLE_REQUEST, "options": {}}).encode()


def test_answers_of_a_running_device_are_as_described(tmp_path: Path) -> None:
    """Every operation with its successes and its common refusals; the document comes from the device itself."""

    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start()
        port = running.port
        described = Described((await http(port, "GET", "/openapi.json")).json)

        async def ask(method: str, path: str, sent: bytes | None = None, **headers: str) -> None:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            reply = await http(port, method, path, sent, fields)
            described.check(method, path, reply.status, reply.headers.get("content-type", ""), reply.body)

        async def ask_everything() -> None:
            for path in ("attention", "status", "environment-parameters", "invoices/r1", "invoices/never"):
                await ask("GET", f"{V3}/{path}")
            for sent in (EVERYTHING, body(), b"{}", b"nonsense"):
                await ask("POST", f"{V3}/invoices", sent, RequestId="r1")
            for sent in (b"12", PIN.encode()):
                for accept in ("text/plain", "application/json"):
                    await ask("POST", f"{V3}/pin", sent, Accept=accept)

        await ask_everything()
        await ask("GET", "/openapi.json")
        await ask("POST", f"{V3}/invoices", body(), Accept_Language="xx")
        await ask("POST", f"{V3}/pin", b"0000")
        await ask("POST", f"{V3}/pin", bytes(1000))
        await ask("POST", f"{V3}/invoices", bytes(1024 * 1024 + 1))
        await ask("POST", f"{V3}/invoices", body(), RequestId="x" * 33)
        for path, methods in described.document["paths"].items():
            for method in methods:
                await ask(method.upper(), path.replace("{requestId}", "r1"), None, Origin="https://evil.example")
        running.slot.reader.remove()  # type: ignore[attr-defined]
        await ask_everything()
        await scene.host.remove(UID)
        strict = attrs.evolve(SETTINGS, accreditation=Accreditation(required=True))
        port = (await scene.start(settings=strict)).port
        await ask("POST", f"{V3}/invoices", body())
        await ask("POST", f"{V3}/invoices", body(), Api_Key="unknown")
        assert {(f"{V3}/invoices", "POST", status) for status in (200, 400, 403, 406, 413)} <= described.seen
        assert {(f"{V3}/pin", "POST", status) for status in (200, 400, 403, 413, 423)} <= described.seen
        assert {(path, method) for path, method, status in described.seen if status == 200} == described.operations()

    play(tmp_path, act)


def test_s2_146_a_country_that_demands_accreditation_refuses_others_in_the_exact_shape(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        strict = attrs.evolve(SETTINGS, accreditation=Accreditation(required=True, numbers=frozenset({"823"})))
        running = await scene.start(settings=strict)
        reply = await http(running.port, "POST", f"{V3}/invoices", body())
        refused = {"property": "invoiceNumber", "errors": ["2800", "9032"]}
        assert (reply.status, reply.json) == (400, {"message": "Bad Request", "modelState": [refused]})
        reply = await http(running.port, "POST", f"{V3}/invoices", body(invoiceNumber="823/1.0"))
        assert reply.json["totalCounter"] == 1

    play(tmp_path, act)
