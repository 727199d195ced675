"""A run in processes: side by side, killed in the middle, gone on with, and seen by the command (S1-042 to S1-046)."""

from __future__ import annotations

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import pytest
from cards import country
from production_bench import ENVIRONMENT, ProductionBench
from typer.testing import CliRunner

from tallystick.authority.reference.production.lifecycle import State
from tallystick.cli import app
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.publication import DEFAULT_URL
from tallystick.kernel.faults import Fault
from tallystick.ops.packs import load_pack
from tallystick.ops.processes.context import system_clock
from tallystick.ops.production.boxes import VirtualBox
from tallystick.ops.production.run import RunPlan, RunStopped, run_batch
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.state_folder import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A state folder whose keys are those of the test country."""
    assert load_pack("AQ").environment == ENVIRONMENT
    made = StateFolder(tmp_path / "state")
    made.make()
    made.keys.rmdir()
    made.keys.symlink_to(country(ENVIRONMENT).pki.files.folder)
    return made


def plan(bench: ProductionBench, batch_id: int, state: StateFolder) -> RunPlan:
    return RunPlan(
        batch_id=batch_id,
        dsn=as_role(bench.dsn, INTAKE),
        state=state.root,
        country="AQ",
        api_url="https://localhost:8443/",
        vsdc_url="",
        pki_url=DEFAULT_URL,
        box=state.demo / "box",
    )


@pytest.mark.soak
def test_s1_042_a_run_that_was_killed_goes_on_and_no_number_is_used_twice(
    bench: ProductionBench, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bench.open(4, blanks=5, years=3)
    run = run_batch(plan(bench, batch.batch_id, state), system_clock, workers=2)
    assert next(run).spoilt == 0
    with pytest.raises(Fault) as caught:
        next(run_batch(plan(bench, batch.batch_id, state), system_clock, workers=1))
    assert caught.value.code == "TS-3064"
    for child in active_children():
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(RunStopped):
        list(run)
    list(run_batch(plan(bench, batch.batch_id, state), system_clock, workers=2))

    modules = bench.modules(batch)
    assert [module.state for module in modules] == [State.RECORDED] * 4
    assert len({module.number for module in modules}) == 4
    assert bench.value("SELECT count(*) FROM production.number") == 4
    box = VirtualBox(folder=state.demo / "box")
    for module in modules:
        certificate = read_card_certificate(module.certificate or b"")
        assert (certificate.not_after - certificate.not_before).days == 3 * 365 - 1, "S2-024"
        assert (box.place(module.slot) / "card.keys").exists()
    assert list(run_batch(plan(bench, batch.batch_id, state), system_clock)) == []

    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", bench.dsn)
    monkeypatch.setenv("TALLYSTICK_STATE", str(state.root))
    said = CliRunner().invoke(app, ["production", "status", str(batch.batch_id)])
    assert "blanks taken 4: 4 good, 0 spoilt, 0 in work" in said.output
    said = CliRunner().invoke(app, ["production", "module", str(modules[0].number)])
    assert "told        record: waiting" in said.output
    assert "production.record by process:production-station" in said.output
    said = CliRunner().invoke(app, ["production", "report"])
    assert "4 reports were decided" in said.output
    assert len(list((state.demo / "production" / "reports").iterdir())) == 4
    said = CliRunner().invoke(
        app, ["production", "close", str(batch.batch_id), "--officer", "vera", "--left", "1", "--spoilt", "0"]
    )
    assert said.exit_code == 1
    assert "TS-3009: Counts of the production batch differ: 4 not in stock yet" in str(said.exception)
