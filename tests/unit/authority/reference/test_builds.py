"""Makers and builds (S0-082, S0-083): what a maker signed, what an officer decided, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import psycopg
import pytest
from maker import NOW, OMAR, REASON, VERA, MakerOfTills
from outcomes import fault_code

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.builds import operations, queries, tasks
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.crypto.keys import generate_p384_key
from tallystick.kernel.builds import NEXT_STATES, BuildClass, BuildState, Certification, require_fit
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

Connection = psycopg.Connection[Any]
ACME = MakerOfTills()


def submit(connection: Connection, compact: bytes) -> str:
    return operations.submit(connection, compact, "maker:acme", NOW)


def state(connection: Connection, build_id: str) -> BuildState:
    build = queries.build(connection, build_id)
    assert build is not None
    return build.state


def test_s0_083_a_build_is_what_its_maker_signed_and_an_officer_certified(connection: Connection) -> None:
    ACME.register(connection)
    compact = ACME.manifest()
    build_id = submit(connection, compact)
    assert state(connection, build_id) is BuildState.SUBMITTED
    assert submit(connection, compact) == build_id, "the same bytes again change nothing"
    operations.certify(connection, build_id, VERA, REASON, NOW)
    assert state(connection, build_id) is BuildState.CERTIFIED
    assert queries.manifest(connection, build_id) == compact
    (decision,) = queries.decisions(connection, build_id)
    assert (decision.state, decision.decided_by, decision.reason) == (BuildState.CERTIFIED, "vera", REASON)
    verbs = [one.act.verb for one in activity.newest(connection)]
    assert verbs == ["builds.certified", "builds.submit", "builds.register-maker"]


def test_another_key_another_signature_and_another_content_are_refused(connection: Connection) -> None:
    other = MakerOfTills()
    assert fault_code(partial(submit, connection, ACME.manifest())) == "TS-1311", "nobody knows the maker yet"
    ACME.register(connection)
    assert fault_code(partial(submit, connection, other.manifest())) == "TS-1311"
    compact = ACME.manifest()
    header, _, signature = compact.split(b".")
    forged = b".".join((header, ACME.manifest("2.0").split(b".")[1], signature))
    assert fault_code(partial(submit, connection, forged)) == "TS-1312"
    submit(connection, compact)
    assert fault_code(partial(submit, connection, ACME.manifest(content="bb"))) == "TS-3071"
    assert len(queries.builds(connection)) == 1


def test_a_maker_has_one_key_and_a_key_one_maker(connection: Connection) -> None:
    ACME.register(connection)
    ACME.register(connection)
    assert fault_code(partial(MakerOfTills().register, connection)) == "TS-3004"
    assert fault_code(partial(MakerOfTills("other", ACME.key).register, connection)) == "TS-3004"
    weak = MakerOfTills("third", generate_p384_key())
    assert fault_code(partial(weak.register, connection)) == "TS-3003"
    assert [one.maker for one in queries.makers(connection)] == ["acme"]


DECISIONS = {
    BuildState.CERTIFIED: operations.certify,
    BuildState.REFUSED: operations.refuse,
    BuildState.SUSPENDED: operations.suspend,
}


@pytest.mark.parametrize("start", list(BuildState))
@pytest.mark.parametrize("wanted", list(DECISIONS))
def test_every_step_of_the_life_cycle(connection: Connection, start: BuildState, wanted: BuildState) -> None:
    ACME.register(connection)
    build_id = submit(connection, ACME.manifest())
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE builds.build SET state = %s", [start.value])
    connection.execute("SET session_replication_role = origin")
    code = fault_code(partial(DECISIONS[wanted], connection, build_id, VERA, REASON, NOW))
    assert code == (None if wanted in NEXT_STATES[start] else "TS-4007")
    assert state(connection, build_id) is (wanted if code is None else start)


def test_two_officers_revoke(database: str) -> None:
    with psycopg.connect(as_role(database, PORTAL)) as pages, psycopg.connect(as_role(database, INTAKE)) as worker:
        build_id = ACME.certified(pages)
        number = operations.ask_to_revoke(pages, build_id, VERA, "it drops sales", NOW)
        pages.commit()
        assert do_approved(worker, NOW) == 0
        assert fault_code(partial(approvals.approve, pages, number, VERA, NOW)) == "TS-4005"
        approvals.approve(pages, number, OMAR, NOW)
        pages.commit()
        assert state(pages, build_id) is BuildState.CERTIFIED
        pages.commit()
        assert do_approved(worker, NOW) == 1
        assert do_approved(worker, NOW) == 0
        assert state(pages, build_id) is BuildState.REVOKED
        assert queries.decisions(pages, build_id)[-1].decided_by == "vera, omar"


def test_unknown_builds_and_reasons(connection: Connection) -> None:
    ACME.register(connection)
    assert fault_code(partial(operations.certify, connection, "00" * 32, VERA, REASON, NOW)) == "TS-4003"
    build_id = submit(connection, ACME.manifest())
    for reason in ("short", "x" * 2_000, "line \x00 of nothing"):
        assert fault_code(partial(operations.certify, connection, build_id, VERA, reason, NOW)) == "TS-1220"
    assert state(connection, build_id) is BuildState.SUBMITTED


@pytest.mark.parametrize(
    ("certification", "state", "fits"),
    [(Certification.REQUIRED, one, one is BuildState.CERTIFIED) for one in BuildState]
    + [(Certification.REQUIRED, None, False), (Certification.RECORDED, None, True),
       (Certification.RECORDED, BuildState.SUBMITTED, True), (Certification.RECORDED, BuildState.CERTIFIED, True),
       (Certification.RECORDED, BuildState.SUSPENDED, False), (Certification.RECORDED, BuildState.REVOKED, False)],
)  # fmt: skip
def test_k_02_what_a_country_asks_of_a_class(
    certification: Certification, state: BuildState | None, fits: bool
) -> None:
    found = None if state is None else BuildClass.ESDC
    code = fault_code(partial(require_fit, certification, BuildClass.ESDC, found, state))
    assert code == (None if fits else "TS-2406")


def test_a_build_of_another_class_never_fits(connection: Connection) -> None:
    directory = BuildDirectory(dict.fromkeys(BuildClass, Certification.RECORDED))
    build_id = ACME.certified(connection, kind=BuildClass.SOFTWARE_REGISTER)
    directory.refresh(connection)
    directory.require(BuildClass.SOFTWARE_REGISTER, build_id)
    assert fault_code(partial(directory.require, BuildClass.HARDWARE_REGISTER, build_id)) == "TS-2406"
    assert directory.known("00" * 32) == ""


def test_every_decision_goes_into_the_ledger_once(connection: Connection) -> None:
    build_id = ACME.certified(connection)
    operations.suspend(connection, build_id, VERA, "it drops sales now and then", NOW + timedelta(days=1))
    bodies: list[dict[str, str]] = []

    def append(body: bytes, _: object) -> int:
        bodies.append(msgspec.json.decode(body))
        return len(bodies)

    assert tasks.publish_decisions(connection, append) == 2
    assert tasks.publish_decisions(connection, append) == 0
    assert [(body["state"], body["buildId"]) for body in bodies] == [("certified", build_id), ("suspended", build_id)]
    assert [one.entry_index for one in queries.decisions(connection, build_id)] == [1, 2]


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM builds.build", "UPDATE builds.build SET manifest = '\\x00'", "DELETE FROM builds.decision",
     "UPDATE builds.decision SET decided_by = 'x'", "UPDATE builds.build SET state = 'submitted'"],
)  # fmt: skip
def test_the_tables_hold_the_rules_themselves(connection: Connection, change: str) -> None:
    ACME.certified(connection)
    with pytest.raises(psycopg.Error):
        connection.execute(change)
