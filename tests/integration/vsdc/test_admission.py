"""Who may ask the hosted signer: certificate and PAC on every call, each refusal coded, nothing changed (wire: 2.9)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from vsdc_bench import ADDRESSES, PAC_SECRET, Hosted, HostedThread, Pos, seller

from tallystick.authority.channels.vsdc import pac
from tallystick.authority.reference.registry.operations import revoke_certificate, set_state
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.limits import LIMITS
from tallystick.ops.hosting import bundle_name, enrol

CALLS = (
    ("GET", "/api/v3/attention"),
    ("GET", "/api/v3/status"),
    ("GET", "/api/v3/environment-parameters"),
    ("POST", "/api/v3/invoices"),
    ("GET", "/api/v3/invoices/a"),
    ("GET", "/somewhere/else"),
)
_uids = (f"STRANG{number:02d}" for number in itertools.count(1))


@pytest.fixture
def unchanged(hosted: Hosted) -> Iterator[None]:
    """Nothing may be begun or booked by who is refused."""
    yield
    assert hosted.rows("SELECT count(*) FROM vsdc.pair")[0][0] == 0
    assert hosted.rows("SELECT count(*) FROM vsdc.request")[0][0] == 0
    assert hosted.rows("SELECT count(*) FROM ledger.identity WHERE se_total > 0")[0][0] == 0


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate_rsa_key()


def stranger(hosted: Hosted, certificate: bytes, key: PrivateKey) -> Pos:
    return hosted.keep(Pos(hosted.port, hosted.context_for(key.pem, pem_of(certificate)), "ABC123"))


def subject(number: int = 1) -> CardSubject:
    return CardSubject(uid=Uid(next(_uids)), seller=seller(number), api_url="https://127.0.0.1:8443/")


def expect(pos: Pos, status: int, code: str, errors: list[tuple[str, list[str]]]) -> None:
    for method, path in CALLS:
        reply = pos.ask(method, path, b"{}" if method == "POST" else None)
        assert (reply.status, reply.code, reply.errors) == (status, code, errors), path


CERTIFICATE = [("ClientCertificate", ["2805"])]


@pytest.mark.usefixtures("unchanged")
def test_ts_1101_without_a_certificate(hosted: Hosted) -> None:
    pos = hosted.keep(Pos(hosted.port, tls_client_context(hosted.pki.files.root), "ABC123"))
    expect(pos, 401, "TS-1101", CERTIFICATE)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", ["issue_pki_client", "issue_secure_element"])
def test_ts_2405_a_certificate_of_another_class(hosted: Hosted, key: PrivateKey, kind: str) -> None:
    certificate = getattr(hosted.pki, kind)(subject(), key.public.spki, at=datetime.now(UTC))
    expect(stranger(hosted, certificate, key), 403, "TS-2405", CERTIFICATE)


@pytest.mark.usefixtures("unchanged")
def test_ts_2401_a_certificate_of_ours_that_is_not_enrolled(hosted: Hosted, key: PrivateKey) -> None:
    certificate = hosted.pki.issue_pos_client(subject(), key.public.spki, at=datetime.now(UTC))
    expect(stranger(hosted, certificate, key), 403, "TS-2401", CERTIFICATE)


def test_ts_1108_and_ts_1102_of_another_environment_and_of_nobody(
    database: str, tmp_path: Path, key: PrivateKey
) -> None:
    thread = HostedThread(database, tmp_path)
    hosted = thread.start()
    try:
        now = datetime.now(UTC)
        foreign = DemoPki.create(
            tmp_path / "foreign", environment=(5, 8), organization="Elsewhere", country="RS", at=now
        )
        namesake = DemoPki.create(
            tmp_path / "namesake", environment=hosted.pack.environment, organization="Other", country="AQ", at=now
        )
        for pki, status, code in ((foreign, 403, "TS-1108"), (namesake, 401, "TS-1102")):
            thread.trust_too(pki.files.client_authority)
            certificate = pki.issue_pos_client(subject(), key.public.spki, at=now)
            expect(stranger(hosted, certificate, key), status, code, CERTIFICATE)
    finally:
        thread.stop()


def test_ts_1104_revoked_both_ways(hosted: Hosted) -> None:
    first, second = hosted.papers(1), hosted.papers(2)
    with hosted.database() as conn:
        set_state(conn, first.uid, SecureElementState.REVOKED, datetime.now(UTC))
        element = hosted.services.directory.secure_element(second.uid)
        assert element is not None
        revoke_certificate(conn, element.certificate_hash, second.uid, datetime.now(UTC))
    hosted.refresh()
    for papers in (first, second):
        expect(hosted.pos(papers), 403, "TS-1104", [("", ["2210"])])


def test_ts_1104_stops_a_connection_that_is_open(hosted: Hosted) -> None:
    pos = hosted.pos()
    assert pos.sell().status == 200
    with hosted.database() as conn:
        set_state(conn, pos.uid, SecureElementState.REVOKED, datetime.now(UTC))
    hosted.refresh()
    assert pos.sell().code == "TS-1104"


def test_ts_1104_a_pos_whose_authority_is_withdrawn(hosted: Hosted) -> None:
    """Also where nobody revoked its own certificate; an open connection, and what was read before, count nothing."""
    pos = hosted.pos()
    assert pos.sell().status == 200
    with hosted.database() as conn:
        authority = hosted.services.trusted.digests[1]
        revoke_certificate(conn, authority, "secure-element-ca", datetime.now(UTC), 2)
    hosted.refresh()
    expect(pos, 403, "TS-1104", [("", ["2210"])])


@pytest.mark.usefixtures("unchanged")
def test_ts_2407_on_hold(hosted: Hosted) -> None:
    papers = hosted.papers()
    with hosted.database() as conn:
        set_state(conn, papers.uid, SecureElementState.HOLD, datetime.now(UTC))
    hosted.refresh()
    expect(hosted.pos(papers), 403, "TS-2407", [("", ["2210"])])


@pytest.mark.usefixtures("unchanged")
def test_ts_1103_expired(hosted: Hosted) -> None:
    pos = hosted.pos()
    hosted.clock.ahead_seconds = 5 * 365 * 86_400
    expect(pos, 401, "TS-1103", [("", ["2809"])])


@pytest.mark.usefixtures("unchanged")
def test_ts_1109_a_registry_too_old_to_judge(hosted: Hosted) -> None:
    pos = hosted.pos()
    hosted.clock.ahead_seconds = 600
    reply = pos.sell()
    assert (reply.status, reply.code) == (503, "TS-1109")
    assert int(reply.headers["retry-after"]) > 0


@pytest.mark.usefixtures("unchanged")
def test_ts_1120_no_pac_or_a_wrong_one(hosted: Hosted) -> None:
    papers = hosted.papers()
    expect(hosted.pos(papers, pac=None), 401, "TS-1120", [("PAC", ["2805"])])
    assert hosted.rows("SELECT wrong_pacs FROM vsdc.pos") == [(0,)], "a missing one is no try"
    reply = hosted.pos(papers, pac="WRONG1").sell()
    assert (reply.status, reply.code, reply.errors) == (401, "TS-1120", [("PAC", ["2805"])])
    assert hosted.rows("SELECT wrong_pacs FROM vsdc.pos") == [(1,)]


def test_a_pac_opens_only_the_certificate_that_it_came_with(hosted: Hosted) -> None:
    first, second = hosted.papers(1), hosted.papers(2)
    assert hosted.pos(first, pac=second.pac).sell().code == "TS-1120"


def test_the_name_of_the_header_has_no_case(hosted: Hosted) -> None:
    papers = hosted.papers()
    pos = hosted.pos(papers, pac=None)
    assert pos.ask("GET", "/api/v3/status", pac=papers.pac).status == 200
    assert pos.ask("GET", "/api/v3/status", Pac=papers.pac).status == 200


def test_ts_1121_tries_are_few_and_the_lock_ends(hosted: Hosted) -> None:
    papers = hosted.papers()
    wrong, right = hosted.pos(papers, pac="WRONG1"), hosted.pos(papers)
    for _ in range(LIMITS.pac_tries):
        assert wrong.sell().code == "TS-1120"
        hosted.refresh()
    locked = right.sell()
    assert (locked.status, locked.code) == (429, "TS-1121"), "the right one does not help either"
    assert 0 < int(locked.headers["retry-after"]) <= LIMITS.pac_locked_minutes * 60
    hosted.clock.ahead_seconds = LIMITS.pac_locked_minutes * 60 + 1
    hosted.refresh()
    assert right.sell().status == 200
    assert hosted.rows("SELECT wrong_pacs, locked_until FROM vsdc.pos") == [(0, None)]


def test_many_wrong_pacs_at_once_are_no_more_tries(hosted: Hosted) -> None:
    """The view in memory lags behind the table; whoever guesses in parallel must not gain by it."""
    papers = hosted.papers()
    guessers = [hosted.pos(papers, pac=f"WRONG{number}") for number in range(10)]
    with ThreadPoolExecutor(len(guessers)) as threads:
        codes = list(threads.map(lambda pos: [pos.sell().code for _ in range(3)], guessers))
    found = [code for several in codes for code in several]
    assert found.count("TS-1120") == LIMITS.pac_tries
    assert found.count("TS-1121") == len(found) - LIMITS.pac_tries


def test_the_lock_is_what_stops_the_right_pac(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off: without the count nothing ever locks, so the test above would be red."""
    monkeypatch.setattr(pac, "count_wrong", lambda conn, uid, now: None)
    monkeypatch.setattr(pac.TriesSince, "count", lambda self, pos: None)
    papers = hosted.papers()
    wrong = hosted.pos(papers, pac="WRONG1")
    for _ in range(LIMITS.pac_tries + 1):
        assert wrong.sell().code == "TS-1120"
        hosted.refresh()


def test_the_pac_is_kept_as_a_keyed_hash(hosted: Hosted, start: Callable[..., Hosted]) -> None:
    papers = hosted.papers()
    (stored,) = hosted.rows("SELECT * FROM vsdc.pos")
    assert papers.pac.encode() not in b"|".join(bytes(str(value), "utf-8") for value in stored)
    assert papers.pac not in repr(papers)
    assert papers.password not in repr(papers)


def test_ts_1220_a_tin_that_the_country_does_not_give_is_not_enrolled(hosted: Hosted) -> None:
    """It would stand in the certificate and in every receipt of that POS."""
    wrong = attrs.evolve(seller(1), tin=Tin("abc"))
    with hosted.database() as conn, pytest.raises(Fault, match="TS-1220"):
        enrol(conn, hosted.pki, hosted.pack, wrong, ADDRESSES, hosted.clock(), pac_secret=PAC_SECRET)
    assert hosted.rows("SELECT count(*) FROM vsdc.pos")[0][0] == 0


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "/tmp/x", ".hidden", "a\nb", "x" * 65])
def test_ts_1220_the_name_of_a_file_leads_nowhere_else(name: str) -> None:
    assert bundle_name("my-till_1.2") == "my-till_1.2.nochain.p12"
    with pytest.raises(Fault, match="TS-1220"):
        bundle_name(name)
