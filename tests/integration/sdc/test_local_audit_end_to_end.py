"""From a till to a proof of audit with nothing but a medium between, and crossings of the two scenarios (S2-107)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from esdc_bench import UID, Bench, benches
from hand_carried import Authority, archive_files, authority_of, carry, folder_files, zipped
from intake_bench import four_keys
from local_media import sell

from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.projections.audit.values import RequestState
from tallystick.crypto.keys import PrivateKey
from tallystick.device.esdc.audit_needs import StartCycle
from tallystick.kernel.faults import Fault

Act = Callable[[Authority], Awaitable[None]]
Play = Callable[[Act], None]


@pytest.fixture(scope="module")
def keys() -> list[PrivateKey]:
    """Keys of cards that other tests use."""
    return four_keys()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A device that is configured and has never been online since."""
    for made in benches(tmp_path / "device"):
        made.ready()
        setup = made.device.require_card().store.setup
        for number, _ in setup.unreported():
            setup.note_reported(number)
        yield made


@pytest.fixture
def play(database: str, tmp_path: Path, bench: Bench, keys: list[PrivateKey]) -> Play:
    """Runs an act between the device and its authority."""

    def runner(act: Act) -> None:
        async def main() -> None:
            async with authority_of(database, tmp_path, bench, keys) as authority:
                await act(authority)

        asyncio.run(main())

    return runner


def unaudited(bench: Bench) -> int:
    return bench.device.require_card().card.amount_status().sum.scaled


def held(bench: Bench) -> int:
    return bench.device.require_card().store.held_count()


async def card_state(authority: Authority) -> RequestState:
    found = await authority.asked(lambda conn: audit.card(conn, UID))
    assert found is not None
    state: RequestState = found.state
    return state


def test_s2_099_s2_100_s2_102_the_whole_local_audit_by_hand(play: Play, bench: Bench, tmp_path: Path) -> None:
    """Folder upload, commands download, results upload (checklist 16.2.7; list 13.1, tests 4 to 10; S2-005, S2-087)."""
    medium = tmp_path / "usb"

    async def act(authority: Authority) -> None:
        assert carry(bench, medium, sales=4).copied == 4
        number = await authority.upload(folder_files(medium))
        overview = await authority.overview(number)
        assert (overview.files, overview.accepted, overview.refused) == (5, 5, 0)
        assert overview.is_finished
        assert {file.status for file in await authority.files(number)} == {4, None}
        assert await authority.prove() == 1
        assert await authority.commands_onto(medium) == [f"{UID}/{UID}.commands"]
        before = unaudited(bench)
        state = carry(bench, medium)
        assert (state.commands, state.commands_failed) == (1, 0)
        assert before > 0
        assert (unaudited(bench), held(bench)) == (0, 0)
        assert await card_state(authority) is RequestState.PROVEN
        number = await authority.upload(folder_files(medium))
        results = [file for file in await authority.files(number) if file.name.endswith(".results")]
        assert [(file.code, file.detail) for file in results] == [("", "1 of 1 results taken")]
        assert await card_state(authority) is RequestState.ENDED
        with pytest.raises(Fault, match="TS-3153"):
            await authority.commands_onto(medium)

    play(act)


def test_s2_086_s2_101_a_missing_package_blocks_the_proof_until_it_comes(
    play: Play, bench: Bench, tmp_path: Path
) -> None:
    medium = tmp_path / "usb"

    async def act(authority: Authority) -> None:
        carry(bench, medium, sales=3)
        lost = medium / UID / f"{UID}-{UID}-2.json"
        lost.rename(tmp_path / "drawer")
        number = await authority.upload(folder_files(medium))
        (request,) = [file for file in await authority.files(number) if file.name.endswith(".arp")]
        assert request.detail == "missing for the proof: 2"
        assert await authority.prove() == 0
        assert held(bench) == 3, "the device keeps everything until its proof"
        assert carry(bench, medium).copied == 1, "the next insertion brings it again"
        number = await authority.upload(archive_files(zipped(medium)))
        assert (await authority.overview(number)).accepted == 4
        assert await authority.prove() == 1

    play(act)


def test_s2_107_begun_by_hand_and_finished_online(play: Play, bench: Bench, tmp_path: Path) -> None:
    async def act(authority: Authority) -> None:
        carry(bench, tmp_path / "usb", sales=3)
        await authority.upload(folder_files(tmp_path / "usb"))
        assert await authority.prove() == 1
        (command,) = await authority.fetch_online()
        bench.device.obey_all([command])
        assert (unaudited(bench), held(bench)) == (0, 0)
        await authority.report_online()
        assert await card_state(authority) is RequestState.ENDED

    play(act)


def test_s2_107_begun_online_and_finished_by_hand(play: Play, bench: Bench, tmp_path: Path) -> None:
    async def act(authority: Authority) -> None:
        sell(bench, 3)
        assert await authority.submit_online() == [4, 4, 4]
        bench.device.serve(StartCycle(bench.clock()).on)
        await authority.ask_online()
        assert await authority.prove() == 1
        medium = tmp_path / "usb"
        medium.mkdir()
        await authority.commands_onto(medium)
        state = carry(bench, medium)
        assert (state.commands, state.commands_failed, state.copied) == (1, 0, 0)
        assert unaudited(bench) == 0
        await authority.upload(folder_files(medium))
        assert await card_state(authority) is RequestState.ENDED

    play(act)


def test_s2_107_half_by_hand_half_online_and_the_proof_on_both_ways(play: Play, bench: Bench, tmp_path: Path) -> None:
    """Packages on both ways, the request on both, the command on both: one proof, one execution, one end."""
    medium = tmp_path / "usb"

    async def act(authority: Authority) -> None:
        carry(bench, medium, sales=3)
        await authority.upload(folder_files(medium))
        assert await authority.submit_online() == [4, 4, 4], "the same answers online"
        await authority.ask_online()
        assert await authority.prove() == 1
        await authority.commands_onto(medium)
        online = await authority.fetch_online()
        carry(bench, medium)
        bench.device.obey_all(online)
        assert unaudited(bench) == 0
        await authority.report_online()
        number = await authority.upload(folder_files(medium))
        overview = await authority.overview(number)
        assert (overview.refused, overview.left_alone) == (0, 1), "the commands file itself is nothing to upload"
        assert await card_state(authority) is RequestState.ENDED

    play(act)


def test_s2_115_a_newer_start_by_hand_voids_the_older_one_online(play: Play, bench: Bench, tmp_path: Path) -> None:
    async def act(authority: Authority) -> None:
        sell(bench, 2)
        await authority.submit_online()
        bench.device.serve(StartCycle(bench.clock()).on)
        await authority.ask_online()
        assert await authority.prove() == 1
        old = await authority.fetch_online()
        bench.clock.forward(minutes=30)
        carry(bench, tmp_path / "usb", sales=2)
        bench.device.obey_all(old)
        assert unaudited(bench) > 0, "the card rejects the proof of the first start"
        await authority.upload(folder_files(tmp_path / "usb"))
        await authority.report_online()
        assert await authority.prove() == 1
        await authority.commands_onto(tmp_path / "usb")
        carry(bench, tmp_path / "usb")
        assert (unaudited(bench), held(bench)) == (0, 0)

    play(act)


def test_a_device_that_was_never_online_gets_its_first_commands_by_hand(
    play: Play, bench: Bench, tmp_path: Path
) -> None:
    from tallystick.authority.channels.sdc.uploads import operations

    async def act(authority: Authority) -> None:
        now = bench.clock()
        await authority.asked(lambda conn: operations.ask_for_initialisation(conn, authority.owner, UID, now))
        with pytest.raises(Fault, match="TS-4003"):
            await authority.asked(lambda conn: operations.ask_for_initialisation(conn, authority.stranger, UID, now))
        await authority.judge()
        (tmp_path / "usb").mkdir()
        await authority.commands_onto(tmp_path / "usb")
        assert carry(bench, tmp_path / "usb").commands == 1

    play(act)


def test_s2_145_what_a_dump_brings_out_is_uploaded_like_any_medium(play: Play, bench: Bench, tmp_path: Path) -> None:
    from tallystick.device.esdc.dump import dump
    from tallystick.device.esdc.medium import Medium

    async def act(authority: Authority) -> None:
        sell(bench, 3)
        bench.reader.remove()
        bench.device.refresh()
        (tmp_path / "usb").mkdir()
        dump(bench.folder / UID / "esdc.db", Medium(tmp_path / "usb"))
        number = await authority.upload(folder_files(tmp_path / "usb"), authority.officer)
        overview = await authority.overview(number, authority.officer)
        assert (overview.files, overview.accepted) == (3, 3)

    play(act)
