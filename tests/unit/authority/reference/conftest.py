"""Certificates of two environments, made once: cards of a test country and one of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from branches import own_country
from connected_bench import fresh_tin
from pki_bench import PkiBench, pki_bench, shared_database
from register_shop import Shop, certify_builds, open_shop
from remote_bench import AUDIENCE, Control, command_unit, people

from tallystick.authority.reference.registry import operations as registry
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.pki_registry import enter_hierarchy, pki_services

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
IssueCard = Callable[..., bytes]


def subject(uid: str, tin: str = "100000001", name: str = "Corner Shop Ltd") -> CardSubject:
    """A card's subject."""
    seller = Seller(
        tin=Tin(tin),
        business_name=name,
        location_name="Shop 1",
        address="Main Street 1",
        district="North",
        city="Atlantis",
        country="AQ",
    )
    return CardSubject(Uid(uid), seller, "https://localhost:8443/")


@pytest.fixture(scope="session")
def spki() -> bytes:
    """One key for all test cards: making keys is slow, and none of these tests signs."""
    return generate_rsa_key().public.spki


@pytest.fixture(scope="session")
def issue_card(tmp_path_factory: pytest.TempPathFactory, spki: bytes) -> IssueCard:
    """``issue_card(uid, tin=..., environment=(1, 9))`` gives a signing certificate in DER."""
    folder = tmp_path_factory.mktemp("pki")
    made: dict[tuple[int, int], DemoPki] = {}

    def issue(uid: str, tin: str = "100000001", environment: tuple[int, int] = (1, 9)) -> bytes:
        if environment not in made:
            made[environment] = DemoPki.create(
                folder / "-".join(map(str, environment)),
                environment=environment,
                organization="Test Authority",
                country="AQ",
                at=NOW,
            )
        return made[environment].issue_secure_element(subject(uid, tin), spki, at=NOW)

    return issue


@pytest.fixture(scope="session")
def pki_in_database(_hasty_server: str) -> Iterator[PkiBench]:
    """The national PKI on one database for all tests of it."""
    with shared_database(_hasty_server, "pki") as connection:
        yield pki_bench(connection)


@pytest.fixture
def bench(pki_in_database: PkiBench) -> Iterator[PkiBench]:
    """Two devices that no other test has, on a database that all share."""
    shared = pki_in_database
    yield PkiBench(shared.conn, shared.home, shared.services)
    shared.conn.rollback()


@pytest.fixture(scope="session")
def _certified_builds(pki_in_database: PkiBench) -> None:
    """Builds of one maker, for all shops of the database."""
    certify_builds(pki_in_database)


@pytest.fixture
def shop(bench: PkiBench, _certified_builds: None) -> Shop:
    """A shop that no other test has."""
    return open_shop(bench)


@pytest.fixture(scope="session")
def _control(pki_in_database: PkiBench) -> Control:
    conn = pki_in_database.conn
    people(conn)
    return Control(conn, command_unit(conn, pki_in_database.services), AUDIENCE)


@pytest.fixture
def control(_control: Control, bench: PkiBench) -> Iterator[Control]:
    """Two devices of tina's that no other test has."""
    tin = fresh_tin(bench)
    bench.register(bench.uid, tin=tin)
    bench.register(bench.other, tin=tin)
    registry.let_user_act_for(bench.conn, "tina", tin)
    bench.conn.commit()
    yield _control
    bench.conn.rollback()
    _control.sign()


@pytest.fixture(scope="session")
def changing_country(_hasty_server: str) -> Iterator[PkiBench]:
    """A country of its own with a database of its own, for its authorities come and go."""
    home = own_country()
    with shared_database(_hasty_server, "pki_branches") as connection:
        enter_hierarchy(connection, home.pki, NOW)
        connection.commit()
        yield PkiBench(connection, home, pki_services(home.pki))


@pytest.fixture
def land(changing_country: PkiBench) -> Iterator[PkiBench]:
    """The same with two devices that no other test has."""
    yield PkiBench(changing_country.conn, changing_country.home, changing_country.services)
    changing_country.conn.rollback()
