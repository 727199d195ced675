"""What stories are played with: waiting with an end, the supervisor's thread, and the outage that they share."""

from __future__ import annotations

import threading

import pytest

from tallystick.simulation.day.stage import Outage, Stage, StoryFailed, StoryStopped


def stage() -> Stage:
    return Stage(lambda _: None)


class World:
    """An API that is there or not."""

    def __init__(self) -> None:
        self.api = "up"
        self.enough = False
        self.outage = Outage(lambda: self.turn("down"), lambda: self.turn("up"), lambda: self.enough)

    def turn(self, state: str) -> None:
        self.api = state


def play(world: World, *who: str, part: threading.Event | None = None) -> list[threading.Thread]:
    """Stories that come, have their part when it is given, and go."""
    here = stage()

    def story(name: str) -> None:
        world.outage.begin(name, here)
        if part is not None:
            part.wait(10)
        world.outage.end(name, here)

    threads = [threading.Thread(target=story, args=(name,), daemon=True) for name in who]
    for thread in threads:
        thread.start()
    return threads


def tick_until(world: World, state: str) -> None:
    for _ in range(500):
        world.outage.tick()
        if world.api == state:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"the API is still {world.api}")


def test_the_outage_waits_for_all_and_lasts_until_all_have_had_it() -> None:
    world, part = World(), threading.Event()
    for name in ("one", "two"):
        world.outage.expect(name)
    first = play(world, "one", part=part)
    for _ in range(5):
        world.outage.tick()
    assert world.api == "up", "the second is not ready"
    second = play(world, "two", part=part)
    tick_until(world, "down")
    assert world.outage.is_on
    world.enough = True
    world.outage.tick()
    assert world.api == "down", "nobody has had it yet"
    part.set()
    tick_until(world, "up")
    for thread in first + second:
        thread.join(10)
        assert not thread.is_alive()
    assert not world.outage.is_on


def test_it_goes_on_while_the_tills_have_not_sold_enough() -> None:
    world = World()
    world.outage.expect("one")
    (thread,) = play(world, "one")
    tick_until(world, "down")
    for _ in range(30):
        world.outage.tick()
        threading.Event().wait(0.01)  # the story has its part meanwhile
    assert world.api == "down"
    world.enough = True
    tick_until(world, "up")
    thread.join(10)


def test_a_story_that_fails_holds_nobody_up() -> None:
    world = World()
    world.enough = True
    for name in ("one", "failed"):
        world.outage.expect(name)
    (thread,) = play(world, "one")
    world.outage.leave("failed")
    tick_until(world, "down")
    tick_until(world, "up")
    thread.join(10)
    assert not thread.is_alive()


def test_without_stories_there_is_no_outage() -> None:
    world = World()
    world.outage.tick()
    assert world.api == "up"


def test_waiting_has_an_end_and_a_stop() -> None:
    here = stage()
    here.until("what is there", lambda: True, 0)
    with pytest.raises(StoryFailed, match="waited 0 s for what never comes"):
        here.until("what never comes", lambda: False, 0)
    here.stopped.set()
    with pytest.raises(StoryStopped):
        here.until("what never comes", lambda: False)


def test_children_are_started_in_the_supervisors_thread_and_its_errors_come_back() -> None:
    here = stage()
    found: list[threading.Thread | None] = []

    def fail() -> None:
        raise OSError("no such program")

    def story() -> None:
        found.append(here.in_supervisors_thread(threading.current_thread))
        with pytest.raises(OSError, match="no such program"):
            here.in_supervisors_thread(fail)
        found.append(None)

    thread = threading.Thread(target=story, daemon=True)
    thread.start()
    while thread.is_alive():
        here.tick()
        thread.join(0.01)
    assert found == [threading.current_thread(), None]
