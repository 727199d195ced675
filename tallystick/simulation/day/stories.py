"""The five stories of the day. Each step may be played again after a stop: what was done is found done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.projections.audit.values import RequestState
from tallystick.kernel.status_codes import StatusCode
from tallystick.simulation.day.premises import Premises
from tallystick.simulation.day.stage import Outage, Stage, StoryFailed
from tallystick.simulation.day.visitor import Visitor, unpack
from tallystick.simulation.market import Market
from tallystick.wire.ordinal_ranges import write_ranges

IN_THE_MORNING = 2
MEANWHILE = 3
ASK_AGAIN_SECONDS = 7.0
"""After which an audit is asked for once more, where one that was under way had the first request's turn."""


@attrs.frozen(kw_only=True)
class Scene:
    """What every story has: the stage, the shared outage, people at the portal, and a look into the authority."""

    stage: Stage
    outage: Outage
    market: Market
    sold_meanwhile: Callable[[], int]
    """Receipts of all tills since the outage began, counted from its first moment on."""
    taxpayer: Visitor
    officer: Visitor
    conn: psycopg.Connection[Any]

    def arrived(self, uid: str) -> int:
        """Documents of a card in the ledger."""
        standing = ledger.device_standing(self.conn, (uid, uid))
        return standing.documents if standing else 0

    def await_arrival(self, shop: Premises, uid: str) -> None:
        """Wait until everything that the shop sold with a card is in the ledger."""
        self.stage.until(f"the packages of {uid}", lambda: self.arrived(uid) >= shop.sold(uid))

    def await_audit(self, shop: Premises, uid: str) -> None:
        """Have the card that is in audited at the device's page, up to its last invoice."""
        asked = 0.0

        def is_audited() -> bool:
            nonlocal asked
            if audit.audited_up_to(self.conn, uid) >= shop.sold(uid):
                return True
            if time.monotonic() - asked > ASK_AGAIN_SECONDS:
                shop.machine.ask_for_audit()
                asked = time.monotonic()
            return False

        self.stage.until(f"the audit of {uid}", is_audited)

    def state(self, uid: str) -> RequestState | None:
        """Where the newest audit of a card stands."""
        found = audit.card(self.conn, uid)
        return found.state if found else None


def tell_of_outage(scene: Scene) -> str:
    """The device API is away; tills sell on, devices keep what they sign and send it when it is back."""
    scene.outage.begin("outage", scene.stage)
    began = time.monotonic()
    scene.stage.say("The device API is down. The tills go on selling; their E-SDCs keep the packages.")
    scene.outage.end("outage", scene.stage)
    away, sold = time.monotonic() - began, scene.sold_meanwhile()
    noted = [(shop.shop.uid, len(shop.book.done)) for shop in list(scene.market.open_shops)]
    waiting = sum(max(told - scene.arrived(uid), 0) for uid, told in noted)
    scene.stage.say(
        f"The device API is back after {away:.0f} s: {sold:,} receipts meanwhile, {waiting:,} wait at the tills."
    )
    back = time.monotonic()
    scene.stage.until("what was sold in the outage", lambda: all(scene.arrived(uid) >= told for uid, told in noted))
    scene.stage.say(f"The tills' E-SDCs have sent all that waited, {time.monotonic() - back:.0f} s after the return.")
    return f"API away for {away:.0f} s, {sold:,} receipts sold meanwhile, all arrived"


def carry_by_hand(scene: Scene, shop: Premises) -> str:
    """A shop without any network: everything goes by stick, there and back (S2-096 to S2-102)."""
    (uid,), say = shop.uids, scene.stage.say
    stick = shop.medium("stick")
    stick.mkdir(exist_ok=True)
    shop.machine.start(f"--card={shop.card(uid)}", online=False)
    shop.stage.until(f"the card of {shop.title}", lambda: shop.machine.has_in(uid))
    shop.give_pin(uid)
    if shop.machine.says(StatusCode.NOT_CONFIGURED):
        scene.officer.prepare_first_commands(uid)
        unpack(scene.officer.await_commands(uid), stick)
        _export(shop, uid, stick)
        say(f"{shop.title} has no network: a stick brought its E-SDC the first commands, which an officer prepared.")
    shop.sell(uid, MEANWHILE)
    _export(shop, uid, stick)
    judged = scene.taxpayer.upload(stick)
    scene.stage.until(f"the arrival of what {uid} sold", lambda: scene.arrived(uid) >= shop.sold(uid))
    say(
        f"{shop.title} carried {shop.sold(uid)} packages and a request to the portal: {judged.accepted} files accepted."
    )
    _bring_proof(scene, shop, uid, stick)
    say(f"{shop.title} took the proof of audit home on the stick; its card has accepted it.")
    return "no network: packages out and the proof back on a stick"


def _export(shop: Premises, uid: str, stick: Path) -> None:
    """Press the button of the software E-SDC until everything is done (S2-096)."""

    def is_done() -> bool:
        done = shop.machine.run_command("esdc", "export", str(stick), "--card", str(shop.card(uid)))
        return done.returncode == 0 and "not everything" not in done.stdout

    shop.stage.until(f"the export of {shop.title}", is_done)


def _bring_proof(scene: Scene, shop: Premises, uid: str, stick: Path) -> None:
    """Take commands home and results back until the audit has ended; a proof of an older start is refused first."""
    carried = b""

    def has_ended() -> bool:
        nonlocal carried
        commands = scene.taxpayer.commands(uid)
        if commands is not None and commands != carried:
            unpack(commands, stick)
            _export(shop, uid, stick)
            scene.taxpayer.upload(stick)
            carried = commands
        return scene.state(uid) is RequestState.ENDED

    scene.stage.until(f"the end of the audit of {uid}", has_ended)


def change_cards(scene: Scene, shop: Premises) -> str:
    """One E-SDC, two cards: what the first left is sent in the session of the second (S2-132, K-23)."""
    first, second = shop.uids
    shop.put_in(second)
    shop.start_device()
    _sell_and_send(scene, shop, second, 1)
    _change(scene, shop, first)
    _sell_and_send(scene, shop, first, IN_THE_MORNING)
    scene.outage.begin(shop.name, scene.stage)
    shop.sell(first, MEANWHILE)
    left = shop.sold(first) - scene.arrived(first)
    _change(scene, shop, second)
    shop.sell(second, IN_THE_MORNING)
    scene.outage.end(shop.name, scene.stage)
    scene.await_arrival(shop, first)
    scene.await_arrival(shop, second)
    scene.stage.say(
        f"{shop.title} changed its card in the outage: {left} packages of {first} were sent by its successor {second}."
    )
    scene.await_audit(shop, second)
    _change(scene, shop, first)
    _sell_and_send(scene, shop, first, 1)
    scene.await_audit(shop, first)
    scene.stage.say(f"{shop.title} sells with {first} again; the packages of both cards have arrived.")
    return "cards changed in the outage and back, both sent by one E-SDC"


def _change(scene: Scene, shop: Premises, uid: str) -> None:
    shop.put_in(uid)
    scene.stage.until(f"{uid} in the slot", lambda: shop.machine.has_in(uid))


def _sell_and_send(scene: Scene, shop: Premises, uid: str, times: int) -> None:
    scene.stage.until(f"{uid} in the slot", lambda: shop.machine.has_in(uid))
    shop.sell(uid, times)
    scene.await_arrival(shop, uid)


def lose_card(scene: Scene, shop: Premises) -> str:
    """A card dies with packages unsent: the device gives them without it, an officer uploads them (S2-145)."""
    (uid,), say = shop.uids, scene.stage.say
    if not shop.is_dead(uid):
        shop.put_in(uid)
        shop.start_device()
        _sell_and_send(scene, shop, uid, IN_THE_MORNING)
        scene.outage.begin(shop.name, scene.stage)
        shop.sell(uid, MEANWHILE)
        shop.take_out()
        scene.stage.until(f"the empty slot of {shop.title}", lambda: shop.machine.says(StatusCode.CARD_NOT_PRESENT))
        shop.kill_card(uid)
        shop.put_in(uid)
        dead = StatusCode.SECURE_ELEMENT_UNREACHABLE
        scene.stage.until(f"the refusals of {shop.title}", lambda: shop.refusal(uid) == dead)
        unsent = shop.sold(uid) - scene.arrived(uid)
        say(f"The card of {shop.title} died: it sells no more (2220), {unsent} packages are unsent.")
        shop.machine.stop()
        scene.outage.end(shop.name, scene.stage)
    scene.outage.leave(shop.name)
    stick = shop.medium("stick")
    stick.mkdir(exist_ok=True)
    done = shop.machine.run_command("esdc", "dump", str(shop.disk()), str(stick))
    if done.returncode:
        raise StoryFailed(f"the dump of {shop.title}: {done.stdout}{done.stderr}")
    judged = scene.officer.upload(stick)
    scene.await_arrival(shop, uid)
    say(f"An officer took {judged.files} packages out of the E-SDC of {shop.title} and uploaded them: nothing lacks.")
    return "card died in the outage; an officer's dump brought the rest"


def lose_and_find(scene: Scene, shop: Premises) -> str:
    """A disk breaks with packages unsent; a stick in a drawer has them, found after the audit asked (K-13)."""
    (uid,), say = shop.uids, scene.stage.say
    drawer = shop.medium("stick-in-the-drawer")
    if shop.disk(1).exists() or not drawer.exists():
        shop.put_in(uid)
        shop.start_device()
        _sell_and_send(scene, shop, uid, IN_THE_MORNING)
        scene.outage.begin(shop.name, scene.stage)
        shop.sell(uid, MEANWHILE)
        lost = shop.sold(uid) - scene.arrived(uid)
        mounted = shop.plug_in("stick")
        _await_copies(scene, shop, uid, lost)
        shop.machine.stop()
        shop.pull(mounted, drawer)
        shop.break_disk()
        say(f"The E-SDC's disk of {shop.title} broke: {lost} unsent packages are gone, but for a stick in a drawer.")
        scene.outage.end(shop.name, scene.stage)
    scene.outage.leave(shop.name)
    shop.put_in(uid)
    shop.start_device(disk=2)
    shop.sell(uid, IN_THE_MORNING)
    missing = _await_missing(scene, shop, uid)
    say(f"The audit of {uid} waits: the authority names invoices {missing}; the new E-SDC never had them.")
    judged = scene.taxpayer.upload(drawer)
    scene.await_audit(shop, uid)
    say(f"The stick was found and uploaded, {judged.accepted} files accepted; the audit of {uid} is complete.")
    return f"disk broke; invoices {missing} missing until a stick was found"


def _await_copies(scene: Scene, shop: Premises, uid: str, unsent: int) -> None:
    """The stick holds every package that the authority lacks."""
    first = shop.sold(uid) - unsent + 1
    wanted = range(first, shop.sold(uid) + 1)
    scene.stage.until(f"the copies of {uid}", lambda: shop.copied(uid).issuperset(wanted))


def _await_missing(scene: Scene, shop: Premises, uid: str) -> str:
    """Start audits until the authority has named what lacks; gives the ranges as people write them."""
    asked = 0.0
    found = ""

    def is_named() -> bool:
        nonlocal asked, found
        newest = audit.card(scene.conn, uid)
        lacking = tuple(ledger.missing_ordinals(scene.conn, (uid, uid), shop.sold(uid)))
        # What was on its way when the audit began may be named for a moment, too.
        if newest is not None and newest.state is RequestState.INCOMPLETE and lacking and newest.missing == lacking:
            found = write_ranges(newest.missing)
            return True
        if scene.arrived(uid) >= shop.sold(uid) and audit.audited_up_to(scene.conn, uid) >= shop.sold(uid):
            found = "of the outage"  # a run before this one found the stick, and was stopped
            return True
        if time.monotonic() - asked > ASK_AGAIN_SECONDS:
            shop.machine.ask_for_audit()
            asked = time.monotonic()
        return False

    scene.stage.until(f"the missing invoices of {uid}", is_named)
    return found
