"""Webhooks: what the feed has, told in order, signed, again until it is taken, and to nobody who may not be told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest
from described import Described
from ecr_bench import TurnedClock
from ecr_till import Till
from erp_bench import WEBHOOKS, ErpBench
from tallystick_erp import NotGenuine, verify

from tallystick.authority.channels.ecr.answers import Answers
from tallystick.authority.channels.erp.sending import TRIES_MOST, WebhookSender, back_off
from tallystick.authority.channels.erp.webhooks import WebhookPolicy
from tallystick.authority.reference.registry import operations as registry
from tallystick.kit.http_call import Away, Reply
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.openapi_erp import erp_api

DESCRIBED = Described(erp_api())
PATH = "/erp/v1/webhooks"


@attrs.define
class Receiver:
    """A receiver on loopback: what it says, and what it got."""

    url: str = ""
    status: int = 204
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = attrs.field(factory=list)

    def events(self, secret: str, now: datetime) -> list[str]:
        return [event["id"] for headers, body in self.got for event in verify(secret, headers, body, now)]


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append((dict(self.headers.items()), body))
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@attrs.define
class Sending:
    """The worker's rounds, by hand, at a time of the test's."""

    bench: ErpBench
    clock: TurnedClock
    sender: WebhookSender

    def round(self, **ahead: float) -> int:
        self.clock.ahead += timedelta(**ahead)
        with psycopg.connect(as_role(self.bench.dsn, INTAKE)) as conn:
            return self.sender.round(conn)


@pytest.fixture
def sending(bench: ErpBench) -> Iterator[Sending]:
    with psycopg.connect(bench.dsn) as conn:
        conn.execute("DELETE FROM erp.webhook")
    clock = TurnedClock()
    sender = WebhookSender(WEBHOOKS, Answers("http://127.0.0.1:8440"), clock)
    yield Sending(bench, clock, sender)
    sender.close()


def register(till: Till, url: str, **more: str) -> Any:
    said = json.dumps({"url": url} | more)
    reply = till.ask("POST", PATH, said, Content_Type="application/json")
    if reply.status == 201:
        DESCRIBED.validate({"$ref": "#/components/schemas/Webhook"}, reply.json)
    return reply


def standing(till: Till) -> Any:
    reply = till.ask("GET", PATH)
    DESCRIBED.validate({"$ref": "#/components/schemas/Webhooks"}, reply.json)
    return reply.json["webhooks"]


def feed(till: Till, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        names = [one["id"] for one in till.ask("GET", "/erp/v1/feed").json["events"]]
    return names


def test_s0_019_a_webhook_is_told_the_feed_in_order_and_signed(bench: ErpBench, sending: Sending) -> None:
    till = bench.opened()
    with receiver() as there:
        made = register(till, there.url)
        assert (made.status, made.headers["cache-control"]) == (201, "no-store")
        names = feed(till, 2)
        assert sending.round(seconds=1) == 1
        till.submit()
        names = feed(till, 3)
        assert sending.round(seconds=2) == 1
        assert there.events(made.json["secret"], sending.clock()) == names
        assert sending.round(seconds=2) == 0
        [(headers, body), _] = there.got
    assert [one.get("secret") for one in standing(till)] == [None]
    assert standing(till)[0]["after"] == till.ask("GET", "/erp/v1/feed").json["next"]
    DESCRIBED.validate({"$ref": "#/components/schemas/FeedPage"}, json.loads(body))
    now, secret = sending.clock(), made.json["secret"]
    wrong: list[tuple[str, dict[str, str], bytes, datetime]] = [
        ("whsec_AAAA", headers, body, now),
        (secret, headers, body + b" ", now),
        (secret, headers | {"Webhook-Id": "1-1"}, body, now),
        (secret, headers | {"Webhook-Timestamp": str(int(now.timestamp()))}, body, now),
        (secret, headers, body, now + timedelta(minutes=10)),
        (secret, headers | {"Webhook-Signature": ""}, body, now),
    ]
    for one, told, text, at in wrong:
        with pytest.raises(NotGenuine):
            verify(one, told, text, at)
    stored = bench.rows("SELECT w::text FROM erp.webhook w")[0][0]
    assert secret.removeprefix("whsec_") not in stored


@pytest.mark.parametrize("moment", ["", "-1", "1.5", "9" * 400, "9" * 5_000, "²"])
def test_a_moment_that_is_none_is_not_genuine(moment: str) -> None:
    """Anybody can send anything to a receiver: it must not fall over."""
    with pytest.raises(NotGenuine):
        verify("whsec_AAAA", {"Webhook-Id": "1-1", "Webhook-Timestamp": moment}, b"{}", datetime.now(UTC))


def test_what_is_not_taken_comes_again_the_same_and_nothing_overtakes_it(bench: ErpBench, sending: Sending) -> None:
    till = bench.opened()
    with receiver() as there:
        secret = register(till, there.url).json["secret"]
        first = feed(till, 2)
        there.status = 503
        assert sending.round(seconds=1) == 0
        till.submit()
        names = feed(till, 3)
        assert sending.round(seconds=1) == 0
        assert len(there.got) == 1, "not before its time"
        [told] = standing(till)
        assert (told["tries"], told["trouble"]) == ("1", "the receiver answered with status 503")
        there.status = 200
        assert sending.round(seconds=10) == 1
        assert sending.round() == 1
    (before, body), (again, same), _ = there.got
    assert (before["Webhook-Id"], body) == (again["Webhook-Id"], same)
    assert before["Webhook-Timestamp"] != again["Webhook-Timestamp"]
    assert there.events(secret, sending.clock()) == first + names


def test_a_crash_between_sending_and_noting_sends_it_again(
    bench: ErpBench, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = bench.opened()
    with receiver() as there:
        secret = register(till, there.url).json["secret"]
        names = feed(till, 2)

        class Cut(BaseException):
            pass

        def cut(*_: object) -> None:
            raise Cut

        with monkeypatch.context() as patch:
            patch.setattr(sending.sender, "_note", cut)
            with pytest.raises(Cut):
                sending.round(seconds=1)
        assert sending.round(seconds=11) == 1
    assert there.got[0][1] == there.got[1][1]
    assert there.events(secret, sending.clock()) == names * 2


def test_the_intent_is_durable_before_anything_is_sent(bench: ErpBench, sending: Sending) -> None:
    till, seen = bench.opened(), []

    def look(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        seen.extend(bench.rows("SELECT message, tries, sending_to <> '', read_to <> sending_to FROM erp.webhook"))
        return Reply(200, {}, b"")

    sending.sender._post = look
    register(till, "https://erp.example/hook")
    [first, _] = feed(till, 2)
    assert sending.round(seconds=1) == 1
    [told] = standing(till)
    assert seen == [(f"{told['id']}-{first}", 1, True, True)], "as another connection to the database sees it"


def test_after_many_tries_it_stops_and_its_owner_resumes_it(bench: ErpBench, sending: Sending) -> None:
    till = bench.opened()
    with receiver() as there:
        secret, there.status = register(till, there.url).json["secret"], 500
        names = feed(till, 2)
        for tries in range(1, TRIES_MOST + 1):
            sending.round(seconds=back_off(tries - 1).total_seconds() + 1)
        [told] = standing(till)
        assert (told["state"], told["tries"], len(there.got)) == ("stopped", str(TRIES_MOST), TRIES_MOST)
        sending.round(days=2)
        assert len(there.got) == TRIES_MOST
        there.status = 200
        resumed = till.ask("POST", f"{PATH}/{told['id']}/resume")
        assert (resumed.status, resumed.json["state"]) == (200, "active")
        assert sending.round() == 1
        there.got[:-1] = []
        assert there.events(secret, sending.clock()) == names, "the dead letter first"
        there.status = 410
        till.submit()
        feed(till, 3)
        sending.round(seconds=1)
        assert standing(till)[0]["state"] == "stopped", "a receiver that is gone is left alone"
        assert till.ask("DELETE", f"{PATH}/{told['id']}").status == 204
        assert standing(till) == []


def test_one_receiver_that_fails_keeps_nobody_else_waiting(bench: ErpBench, sending: Sending) -> None:
    bad, good = bench.opened(), bench.opened()
    with receiver() as down, receiver() as up:
        down.status = 500
        register(bad, down.url)
        register(good, up.url)
        feed(bad, 2)
        feed(good, 2)
        assert sending.round(seconds=1) == 1
        assert (len(down.got), len(up.got)) == (1, 1)


def test_no_redirect_is_followed(bench: ErpBench, sending: Sending) -> None:
    till = bench.opened()
    with receiver() as there, receiver() as elsewhere:
        there.status, there.location = 307, elsewhere.url
        register(till, there.url)
        feed(till, 2)
        assert sending.round(seconds=1) == 0
        assert (len(there.got), len(elsewhere.got)) == (1, 0)


def test_a_name_that_leads_into_the_house_is_not_reached(bench: ErpBench, sending: Sending) -> None:
    """Registered while it was allowed, or with a name that has changed since: what counts is the address itself."""
    till = bench.opened()
    strict = attrs.evolve(WEBHOOKS, policy=WebhookPolicy())
    sender = WebhookSender(strict, Answers("http://127.0.0.1:8440"), sending.clock)
    with receiver() as there:
        register(till, there.url)
        feed(till, 2)
        sending.clock.ahead += timedelta(seconds=1)
        with psycopg.connect(as_role(bench.dsn, INTAKE)) as conn:
            conn.execute("UPDATE erp.webhook SET url = replace(url, '127.0.0.1', 'localhost')")
            assert sender.round(conn) == 0
        assert there.got == []
    assert "may not be reached" in standing(till)[0]["trouble"]
    sender.close()


def test_a_revoked_connection_is_told_nothing(bench: ErpBench, sending: Sending) -> None:
    till = bench.opened()
    with receiver() as there:
        register(till, there.url)
        feed(till, 2)
        with psycopg.connect(bench.dsn) as conn:
            registry.revoke_certificate(conn, till.kid, till.uid, sending.clock(), reason=1)
        assert sending.round(seconds=1) == 0
        assert there.got == []
        assert standing(till)[0]["state"] == "stopped"


def test_bad_wishes_change_nothing(bench: ErpBench, sending: Sending) -> None:
    till, other = bench.device(), bench.device()
    for body, code in (
        (b"[]", "TS-1220"), (b"{}", "TS-1220"), (b'{"url":1}', "TS-1220"), (b'{"url":"https://e.eu","x":1}', "TS-1220"),
        (b'{"url":"http://e.example"}', "TS-3295"), (b'{"url":"https://e.example","after":"x"}', "TS-3293"),
        (b"[" * 500, "TS-1211"), (b" " * 5000, "TS-1003"),
    ):  # fmt: skip
        reply = till.ask("POST", PATH, body, Content_Type="application/json")
        assert (body[:20], reply.code) == (body[:20], code)
    assert till.ask("POST", PATH, b"{}", Content_Type="text/plain").code == "TS-1002"
    assert standing(till) == []
    made = [register(till, f"https://erp.example/{number}") for number in range(4)]
    assert [one.status for one in made] == [201, 201, 201, 409]
    assert made[3].code == "TS-3296"
    number = made[0].json["id"]
    for name in (number, "x", "9" * 30):
        assert other.ask("DELETE", f"{PATH}/{name}").code == "TS-4003"
        assert other.ask("POST", f"{PATH}/{name}/resume").code == "TS-4003"
    assert len(standing(till)) == 3


def test_a_receiver_that_is_away_is_tried_again(bench: ErpBench, sending: Sending) -> None:
    def away(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        raise Away("TimeoutError: too slow")

    till = bench.opened()
    sending.sender._post = away
    register(till, "https://erp.example/hook")
    feed(till, 2)
    assert sending.round(seconds=1) == 0
    assert standing(till)[0]["trouble"] == "TimeoutError: too slow"
    assert datetime.fromisoformat(standing(till)[0]["next_at"]) > datetime.now(UTC)
