"""Media that come and go at a running E-SDC: patterns, the button, selling meanwhile, real file systems."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from esdc_bench import PIN, UID, body, live_country
from esdc_live import FAST, SETTINGS, Scene, http, play, until
from local_media import names
from local_media import ordinals as ordinals_of

from tallystick.device.esdc import local_audit_watch
from tallystick.device.esdc.local_audit_state import MediumState, Phase, Trouble
from tallystick.device.esdc.service import RunningSlot

INVOICES = "/api/v3/invoices"
QUIET = attrs.evolve(SETTINGS, keep_until_proof=True, timing=FAST)


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_audit_watch, "LOOK_SECONDS", 0.05)


def ordinals(folder: Path) -> list[int]:
    """Each package opens with the authority's key and holds the invoice of its name."""
    return ordinals_of(folder, home=live_country())


async def offline_shop(scene: Scene, *media: str, sales: int = 3) -> RunningSlot:
    """An E-SDC that was initialised, whose authority is away since, with some invoices."""
    await scene.authority()
    slot = attrs.evolve(scene.slot(settings=QUIET), media=media, button_folder=scene.folder / UID)
    running = await scene.host.add(slot)
    device = running.esdc.device
    await until(lambda: device.session is not None and device.session.setup is not None)
    await scene.authority_leaves()
    assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"
    await sell(running, sales)
    return running


async def sell(running: RunningSlot, count: int) -> None:
    for _ in range(count):
        assert (await http(running.port, "POST", INVOICES, body())).status == 200


def board(running: RunningSlot) -> MediumState:
    return running.local_audit.board.now


async def served(running: RunningSlot, copied: int) -> None:
    await until(lambda: board(running).phase is Phase.DONE and board(running).copied == copied)


def test_s2_088_s2_096_insertion_starts_it_and_each_medium_is_served_once(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        places = tmp_path / "media"
        places.mkdir()
        running = await offline_shop(scene, f"{places}/*")
        seen: list[MediumState] = []
        running.local_audit.board.listen(seen.append)
        (places / "USB").mkdir()
        await served(running, 3)
        assert ordinals(places / "USB") == [1, 2, 3]
        await asyncio.sleep(0.3)
        assert [state.phase for state in seen].count(Phase.DONE) == 1
        await sell(running, 1)
        (places / "USB").rename(tmp_path / "pocket")
        await asyncio.sleep(0.2)
        (tmp_path / "pocket").rename(places / "USB")
        await served(running, 1)
        assert ordinals(places / "USB") == [1, 2, 3, 4]

    play(tmp_path / "shop", act)


def test_s2_091_the_pos_sells_while_a_medium_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """List 13.1, test 12, with a medium as slow as real ones: 50 ms a file."""
    from tallystick.device.esdc import medium

    real = medium._write

    def slow(path: Path, content: bytes) -> None:
        import time

        time.sleep(0.05)
        real(path, content)

    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, str(tmp_path / "usb"), sales=40)
        monkeypatch.setattr(medium, "_write", slow)
        (tmp_path / "usb").mkdir()
        await until(lambda: board(running).phase is Phase.COPYING and board(running).copied > 0)
        times = []
        for _ in range(5):
            start = asyncio.get_running_loop().time()
            await sell(running, 1)
            times.append(asyncio.get_running_loop().time() - start)
        assert board(running).phase is Phase.COPYING, "it was served all the while"
        assert sorted(times)[2] < 0.5
        await served(running, 40)

    play(tmp_path / "shop", act)


def test_a_card_or_a_pin_that_comes_later_goes_on_with_the_medium_that_is_in(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, str(tmp_path / "usb"))
        reader, card = running.slot.reader, scene.cards[UID]
        reader.remove()  # type: ignore[attr-defined]
        (tmp_path / "usb").mkdir()
        await served(running, 3)
        assert not (tmp_path / "usb" / UID / f"{UID}.arp").exists()
        card.reset()
        reader.insert(card)  # type: ignore[attr-defined]
        await until(lambda: board(running).trouble is Trouble.PIN and board(running).is_at_its_end)
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"
        await until(lambda: board(running).request and board(running).phase is Phase.DONE)
        assert (tmp_path / "usb" / UID / f"{UID}.arp").exists()

    play(tmp_path / "shop", act)


def test_the_button_of_a_software_e_sdc(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await offline_shop(scene)
        usb = tmp_path / "usb"
        usb.mkdir()
        argv = (sys.executable, "-m", "tallystick", "esdc", "export", str(usb), "--card", str(scene.folder / UID))
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("done: 3 packages copied")
        assert ordinals(usb) == [1, 2, 3]

    play(tmp_path / "shop", act)


def test_the_button_without_a_device_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.device.esdc.local_audit_button import NobodyThere, press

    with pytest.raises(NobodyThere, match="esdc run"):
        press(tmp_path, tmp_path, print, patience_seconds=0.2)
    assert list(tmp_path.iterdir()) == []


# Real file systems


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A mounted file system; skips, with the reason, where nothing may be mounted."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    made = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"nothing can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def fat(folder: Path, image: Path, *, blocks: int = 4096, options: str = "loop") -> Iterator[Path]:
    """A FAT medium of so many KiB."""
    maker = shutil.which("mkfs.vfat")
    if maker is None:
        pytest.skip("there is no mkfs.vfat here (Debian: apt-get install dosfstools)")
    if not image.exists():
        subprocess.run([maker, "-C", str(image), str(blocks)], check=True, capture_output=True)
    with mounted(folder, "-o", options, "-t", "vfat", str(image)) as medium:
        yield medium


def test_a_fat_medium_with_names_in_another_case(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, sales=2)
        with fat(tmp_path / "usb", tmp_path / "image") as usb:
            (usb / UID.lower()).mkdir()
            assert (await running.local_audit.serve(usb)).phase is Phase.DONE
            assert [path.name.upper() for path in usb.iterdir()] == [UID]
        with fat(tmp_path / "usb", tmp_path / "image") as usb:
            assert ordinals(usb) == [1, 2]
            assert (usb / UID / f"{UID}.ARP").stat().st_size == 260
            assert (await running.local_audit.serve(usb)).there == 2

    play(tmp_path / "shop", act)


def test_a_read_only_medium_gets_no_start_and_harms_nothing(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, sales=1)
        newest = running.esdc.device.require_card().store.audit.newest
        before = await running.esdc.work(newest)
        with mounted(tmp_path / "usb", "-t", "tmpfs", "-o", "ro", "tmpfs") as usb:
            state = await running.local_audit.serve(usb)
        assert (state.phase, state.trouble) == (Phase.FAILED, Trouble.READ_ONLY)
        assert await running.esdc.work(newest) == before

    play(tmp_path / "shop", act)


def test_a_medium_that_fills_up_and_another_that_takes_the_rest(tmp_path: Path) -> None:
    """A real file system of a few pages, not an injected error."""

    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, sales=6)
        with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=28k", "tmpfs") as small:
            state = await running.local_audit.serve(small)
            assert (state.phase, state.trouble) == (Phase.FAILED, Trouble.FULL)
            taken = ordinals(small)
            assert taken
            assert taken == list(range(1, len(taken) + 1)), "oldest first"
            assert len(taken) < 6
            assert (small / UID / f"{UID}.arp").stat().st_size == 260
            assert not [name for name in names(small) if name.endswith(".tmp")]
        large = tmp_path / "large"
        large.mkdir()
        assert (await running.local_audit.serve(large)).phase is Phase.DONE
        assert ordinals(large) == [1, 2, 3, 4, 5, 6]

    play(tmp_path / "shop", act)


def test_a_medium_that_is_pulled_while_it_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unmounted under the export: nothing is written into the folder below, and the next medium gets everything."""
    from tallystick.device.esdc import medium

    real, count = medium._put, iter(range(10**6))

    async def act(scene: Scene) -> None:
        running = await offline_shop(scene, sales=3)
        with mounted(tmp_path / "usb", "-t", "tmpfs", "tmpfs") as usb:

            def pull(folder: Path, name: str, content: bytes) -> None:
                if next(count) == 1:
                    subprocess.run(["umount", "-l", str(usb)], check=True)
                    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(usb)], check=True)
                real(folder, name, content)

            monkeypatch.setattr(medium, "_put", pull)
            state = await running.local_audit.serve(usb)
            assert (state.phase, state.trouble) == (Phase.FAILED, Trouble.GONE)
            assert list(usb.iterdir()) == []
            assert (await running.local_audit.serve(usb)).phase is Phase.DONE
            assert ordinals(usb) == [1, 2, 3]

    play(tmp_path / "shop", act)
