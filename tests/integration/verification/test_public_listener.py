"""The public process over real PostgreSQL, registry and ledger: from a signed invoice to *valid* with its proof."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest
from intake_live import ORIGIN
from public_live import LiveCountry, Process, live_country, now, shelf, stop_process, wait_until

from benchmarks.package_maker import Card, sale
from tallystick.crypto.keys import load_private_key
from tallystick.crypto.signatures import verify_ed25519
from tallystick.kernel.invoice import InvoiceType
from tallystick.kernel.merkle import leaf_hash, verify_consistency, verify_inclusion
from tallystick.ops.processes.public import open_pool
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.compact_proof import compact_link
from tallystick.wire.signed_note import KeyType, NoteKey, parse_checkpoint, parse_note, verify_note
from tallystick.wire.tiles import read_bundle, read_hashes
from tallystick.wire.tlog_proof import read_proof


@pytest.fixture
def country(database: str, tmp_path: Path) -> Iterator[LiveCountry]:
    """A country with two cards."""
    with live_country(database, tmp_path) as made:
        yield made


@attrs.frozen
class Reply:
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str]


def ask(process: Process, target: str, accept: str = "", method: str = "GET") -> Reply:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
    connection.request(method, target, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    reply = Reply(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
    connection.close()
    return reply


def status_of(process: Process, url: str) -> str:
    """The state that a program is told."""
    reply = ask(process, "/v/?" + url.partition("?")[2], "application/json")
    return str(json.loads(reply.body)["status"]) if reply.body else str(reply.status)


def sightings(country: LiveCountry) -> list[tuple[int, int]]:
    """Numbers that were kept as seen by buyers, and how often."""
    with psycopg.connect(country.dsn) as conn:
        return conn.execute("SELECT ordinal, times FROM inspections.sighting ORDER BY ordinal").fetchall()


def test_s0_018_from_signature_to_valid_with_a_proof_that_holds(country: LiveCountry) -> None:
    public = country.start("public")
    request, result = country.sign(sale(shelf(3)))
    assert status_of(public, result.verification_url) == "pending"
    assert status_of(public, result.verification_url) == "pending"
    assert sightings(country) == [(result.total_counter, 2)], "shown by a buyer, and not in the ledger"
    assert country.send(request, result) == 4
    size = country.loop.run(country.live.shown())
    assert status_of(public, result.verification_url) == "valid"
    assert sightings(country) == [(result.total_counter, 2)]

    answer = json.loads(ask(public, "/v/?" + result.verification_url.partition("?")[2], "application/json").body)
    assert answer["journal"] == (result.journal or "").removesuffix("\r\n")
    assert answer["invoiceRequest"]["city"] == "McMurdo"
    assert answer["proof"]["size"] == size

    proof = read_proof(ask(public, answer["proof"]["url"]).body)
    assert ask(public, f"/proof/document/{result.number}").body == ask(public, answer["proof"]["url"]).body
    key = load_private_key(country.state.root.parent / "log-key.pem").public
    note_key = NoteKey(ORIGIN, KeyType.LOG, key.raw)
    verify_note(proof.checkpoint, [note_key], lambda _, text, signature: verify_ed25519(key, text, signature))
    head = parse_checkpoint(proof.checkpoint.text)
    verify_inclusion(leaf_hash(proof.extra), proof.index, head.size, proof.hashes, head.root)


def test_the_published_log_is_served_and_agrees_with_the_proofs(country: LiveCountry) -> None:
    public = country.start("public")
    assert ask(public, "/checkpoint").status == 404
    country.book()
    old_size = country.publish()
    old = parse_checkpoint(parse_note(ask(public, "/checkpoint").body).text)
    country.book()
    size = country.publish()
    head = parse_checkpoint(parse_note(ask(public, "/checkpoint").body).text)
    assert (old.size, head.size) == (old_size, size)
    tile = ask(public, f"/tile/0/000.p/{size}")
    bundle = ask(public, f"/tile/entries/000.p/{size}")
    assert tile.headers["cache-control"] == "max-age=31536000, immutable"
    assert [leaf_hash(leaf) for leaf in read_bundle(bundle.body)] == read_hashes(tile.body)
    hashes = ask(public, f"/proof/consistency?from={old_size}&to={size}").body
    path = [base64.b64decode(line) for line in hashes.split()]
    verify_consistency(old_size, old.root, size, head.root, path)
    for wrong in (f"from=0&to={size}", f"from={size}&to={old_size}", f"from=1&to={size + 1}", "from=1"):
        assert ask(public, f"/proof/consistency?{wrong}").status == 404


def test_the_five_answers_over_the_wire(country: LiveCountry) -> None:
    public = country.start("public")
    valid = country.book(sale(shelf(2)))
    training = country.book(sale(shelf(2), invoice_type=InvoiceType.TRAINING))
    country.card.total_counter = 0
    country.card.type_counters[0] = 0
    _, other = country.sign(sale(shelf(5)))
    _, pending = country.sign()
    country.card.total_counter = 50
    _, late = country.sign()
    assert other.number == valid.number
    assert pending.number == training.number
    urls = [one.verification_url for one in (valid, late, other, training)]
    assert [status_of(public, url) for url in urls] == ["valid", "pending", "mismatch", "not-fiscal"]
    broken = valid.verification_url[:-60] + "A" * 60
    assert ask(public, "/v/?" + broken.partition("?")[2], "application/json").status == 400
    assert ask(public, "/v/?" + broken.partition("?")[2], "application/json").body == b""
    assert b"This code cannot be verified" in ask(public, "/v/?" + broken.partition("?")[2], "text/html").body


def test_a_card_registered_meanwhile_is_known_without_a_restart(country: LiveCountry) -> None:
    """The registry's change reaches the listener by notification or poll."""
    public = country.start("public")
    key = country.live.other.key
    card = Card("NEWCARD1", "111111111", key, country.card.encryption_key)
    _, result = card.invoice(sale(), now())
    assert status_of(public, result.verification_url) == "400"
    country.register(card)
    wait_until(lambda: status_of(public, result.verification_url) == "pending", seconds=30)


@pytest.mark.soak
def test_a_listener_without_its_database_says_so_and_recovers(country: LiveCountry) -> None:
    """Stopped connections are no verdict; the next question is answered again."""
    public = country.start("public")
    result = country.book()
    assert status_of(public, result.verification_url) == "valid"
    with psycopg.connect(country.dsn, autocommit=True) as connection:
        connection.execute("ALTER ROLE tallystick_portal NOLOGIN")
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tallystick_portal'"
            )
            reply = ask(public, "/v/?" + result.verification_url.partition("?")[2], "application/json")
            assert (reply.status, json.loads(reply.body)["code"]) == (503, "TS-5009")
            assert reply.headers["retry-after"] == "5"
        finally:
            connection.execute("ALTER ROLE tallystick_portal LOGIN")
    wait_until(lambda: status_of(public, result.verification_url) == "valid", seconds=30)


def test_the_listener_cannot_write(country: LiveCountry) -> None:
    pool = open_pool(as_role(country.dsn, PORTAL))
    with pool, pool.connection() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("UPDATE registry.app_user SET is_active = false")


def test_the_process_ends_cleanly(country: LiveCountry) -> None:
    public = country.start("public")
    assert ask(public, "/v/").status == 400
    assert stop_process(public.child) == 0
    assert not [line for line in public.log.splitlines() if '"level": "error"' in line or not line.startswith("{")]


def test_server_refusals_are_coded_too(country: LiveCountry) -> None:
    public = country.start("public")
    with socket.create_connection(("127.0.0.1", public.port), 10) as raw:
        raw.sendall(b"GET /v/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        answer = raw.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"TS-1004" in answer
    assert ask(public, "/v/?vl=" + "A" * 8000).status in (400, 413, 414)


def test_a_nul_is_no_trouble_of_ours(country: LiveCountry) -> None:
    public = country.start("public")
    places = ("/{}", "/v/{}", "/v/?vl={}", "/proof/document/{}", "/proof/leaf/1?size={}", "/tile/0/{}", "/lang/{}")
    for place in places:
        for accept in ("text/html", "application/json"):
            reply = ask(public, place.format("%00"), accept)
            assert reply.status in (400, 404), (place, reply.status)
    reply = ask(public, "/specifications", method="POST")
    assert reply.status == 200


def test_k_10_the_compact_code_over_the_wire(country: LiveCountry) -> None:
    """Unconfirmed before the package is here, valid after; strangers who guess are stopped by TS-4009."""
    public = country.start("public")
    request, result = country.sign(sale(shelf(3)))
    path = "/" + compact_link(result.verification_url).split("/", 3)[3]

    def told() -> tuple[int, str]:
        reply = ask(public, path, "application/json")
        answer = json.loads(reply.body)
        return reply.status, answer.get("status") if reply.status == 200 else answer["code"]

    assert told() == (200, "unconfirmed")
    assert country.send(request, result) == 4
    country.loop.run(country.live.shown())
    assert told() == (200, "valid")
    known, path = path, path.replace("/C/", "/v/?c=")
    assert told() == (200, "valid")
    _, unknown = country.sign(sale(shelf(2)))
    path = "/" + compact_link(unknown.verification_url).split("/", 3)[3]
    answers = [told() for _ in range(60)]
    assert set(answers[:59]) == {(200, "unconfirmed")}  # one was asked for before
    assert answers[59] == (429, "TS-4009")
    path = known
    assert told() == (429, "TS-4009")
    assert status_of(public, result.verification_url) == "valid"
