"""The stories of the national channels, each told by whoever sells at one register; see `national.day`."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future
from typing import Any

import attrs
import psycopg
from tallystick_erp import Booked, Refused

from tallystick.authority.channels.ecr.batches import queries as batches
from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake import anchors, decision_store
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.held import Held
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.oversight.approvals import queries as approvals
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import certificates_of
from tallystick.device.ecr.device_files import CERTIFICATE
from tallystick.kernel.identifiers import Uid
from tallystick.ops.processes.till import RACK_NAME
from tallystick.ops.supervisor import Supervisor
from tallystick.simulation.baskets import Basket
from tallystick.simulation.country import Country
from tallystick.simulation.day.stage import Outage, Stage, StoryFailed
from tallystick.simulation.day.visitor import Visitor
from tallystick.simulation.national.erp_office import ErpOffice
from tallystick.simulation.national.fleet import Fleet
from tallystick.simulation.national.register_client import RegisterClient, RegisterRefused, sell_order
from tallystick.simulation.national.sellers import Register
from tallystick.simulation.sample import status_of

MEANWHILE = 2
"""Sales without the door, and sales that nobody had heard of when a certificate was revoked."""
_HELD_MOST = 10_000
_WHY = "stolen from its yard this morning, its owner says"
_OLDER = "its head report came before the theft"


@attrs.frozen
class Scene:
    """What stories are told with."""

    stage: Stage
    outage: Outage
    fleet: Fleet
    country: Country
    supervisor: Supervisor
    officers: tuple[Visitor, Visitor]

    def arrived(self, conn: psycopg.Connection[Any], uid: Uid) -> int:
        """Documents of a device in the ledger."""
        standing = ledger.device_standing(conn, (uid, uid))
        return standing.documents if standing else 0


def lose_the_door(scene: Scene, register: Register) -> str:
    """The national door goes away: an online register sells nothing and says so; a return follows later (S0-054)."""
    till, say = register.till, scene.stage.say
    baskets = list(till.further(scene.fleet.baskets(register.uid)))
    if not baskets:
        till.end_day()
        return ""
    kept, rest = baskets[0], baskets[1:]
    till.begin_day()
    till.sell_all(rest)
    scene.outage.begin(register.uid, scene.stage)
    began = time.monotonic()
    code = _refusal(register, kept)
    say(f"The national door is down. The register of {till.cashier} says {code} and sells nothing; trucks sell on.")
    scene.outage.end(register.uid, scene.stage)
    answer = till.sell(kept)
    if answer is None:
        raise StoryFailed("the basket of before was not sold after the outage")
    away = time.monotonic() - began
    say(f"The door is back after {away:.0f} s: the same basket under the same name is receipt {answer['number']}.")
    back = till.take_back(answer)
    say(f"Its buyer returns it: {back['number']} gives back {answer['total']}, on line, under {answer['number']}.")
    till.end_day()
    return f"door away for {away:.0f} s, nothing half sold; one return"


def _refusal(register: Register, basket: Basket) -> str:
    order = sell_order(basket, register.till.cashier)
    assert order is not None
    client = RegisterClient(register.till.folder)
    try:
        client.order(basket.basket_id, order)
    except RegisterRefused as refused:
        return refused.code
    finally:
        client.close()
    raise StoryFailed("an online register sold without the authority")


def drive_a_day(scene: Scene, register: Register) -> str:
    """A truck: it sells through the outage and a power cut, takes goods back, and what it sold is *pending* until its
    batch has come; another system of its company may give back then, and not before (S0-031, S0-057, S0-062, K-21)."""
    till, say, road = register.till, scene.stage.say, register.road
    assert road is not None
    baskets = list(till.further(scene.fleet.baskets(register.uid)))
    if len(baskets) < 2 * MEANWHILE:
        scene.fleet.drive(register)
        return ""
    till.begin_day()
    scene.outage.begin(register.uid, scene.stage)
    till.sell_all(baskets[:MEANWHILE])
    scene.outage.end(register.uid, scene.stage)
    road.drive_off()
    sold = [answer for basket in baskets[MEANWHILE:] if (answer := till.sell(basket))]
    first, second = sold[:2]
    page, later = status_of(first["verification_url"], "pending"), _credit(scene, first)
    say(f"{till.cashier} is on the road. The page of its receipt {first['number']} says {page}: its memory has it.")
    if not isinstance(later, Refused) or later.retry_after_seconds is None:
        raise StoryFailed(f"the ERP could give back what no ledger has: {later}")
    say(f"The company's ERP wants to give {first['number']} back: {later.code}, later and not no.")
    back = till.take_back(second)
    say(f"A buyer brings goods back to the truck: {back['number']}, checked against its own memory alone.")
    cut = _cut_the_power(scene, register)
    say(f"The power fails in every shop and truck at once; {cut:.0f} s later all registers go on where they were.")
    till.end_day()
    register.await_home(scene.fleet.stop)
    page, credit = status_of(first["verification_url"]), _credit(scene, first)
    if page != "valid" or not isinstance(credit, Booked):
        raise StoryFailed(f"after the batch the page says {page}, the ERP {credit}")
    say(f"{till.cashier} is home, its batch is booked: the page says {page}, and the ERP's {credit.number} gives back.")
    return "sold out of reach and through a power cut; its batch is booked"


def _credit(scene: Scene, answer: dict[str, Any]) -> Booked | Refused:
    """Have the office give a sale back, in its own thread."""
    future: Future[Booked | Refused] = Future()

    def errand(office: ErpOffice) -> None:
        try:
            future.set_result(office.credit(answer, f"credit-{answer['number']}"))
        except Refused as refused:
            future.set_result(refused)
        except Exception as error:
            future.set_exception(error)
            raise

    scene.fleet.errands.put(errand)
    scene.stage.until("the answer of the office", future.done)
    return future.result()


def _cut_the_power(scene: Scene, register: Register) -> float:
    """Kill the process of all registers; it comes back by itself, as a register does that is switched on."""
    before = register.till.status()["documents"]
    scene.stage.in_supervisors_thread(lambda: os.kill(scene.supervisor.pid(RACK_NAME), signal.SIGKILL))
    began = time.monotonic()
    scene.stage.until("the end of the registers", lambda: not _answers(register))
    after = register.till.status()["documents"]
    if after != before:
        raise StoryFailed(f"{register.uid} had {before} documents before the power cut and {after} after it")
    return time.monotonic() - began


def _answers(register: Register) -> bool:
    client = RegisterClient(register.till.folder)
    try:
        client.status()
    except ConnectionError:
        return False
    finally:
        client.close()
    return True


def steal_a_truck(scene: Scene, register: Register) -> str:
    """A truck's certificate is revoked before it comes home: its whole batch is kept apart, and two officers re-admit
    what is provably older (S0-063, S0-064, K-05)."""
    till, say, uid = register.till, scene.stage.say, register.uid
    with psycopg.connect(scene.country.portal_dsn, autocommit=True) as conn:
        if not till.status()["stopped"]:
            _sell_until_revoked(scene, conn, register)
        if not till.status()["stopped"]:
            return ""
        held = len(_held(conn, uid))
        say(f"{till.cashier} was stolen, and its certificate is revoked: its batch of {held} documents is kept apart.")
        readmitted = 0
        for one in _held(conn, uid):
            if anchors.standing(conn, DeviceCounters(), one).best is None:
                break
            _readmit(scene, conn, one)
            readmitted += 1
        left = len(_held(conn, uid))
        say(f"Two officers re-admitted {readmitted} of them, older than the theft by a head report; {left} stay apart.")
    return f"stolen and revoked: {readmitted} documents re-admitted by two officers, {left} apart"


def _sell_until_revoked(scene: Scene, conn: psycopg.Connection[Any], register: Register) -> None:
    """Some sales of which a head report tells, some of which nobody knows, the revocation, and the way home."""
    till, fleet, uid, road = register.till, scene.fleet, register.uid, register.road
    assert road is not None
    baskets = list(till.further(fleet.baskets(uid)))
    fleet.drive(register, baskets[: -2 * MEANWHILE])
    baskets = baskets[-2 * MEANWHILE :]
    if till.status()["stopped"] or len(baskets) < 2 * MEANWHILE:
        return
    till.begin_day()
    till.sell_all(baskets[:MEANWHILE])
    known = till.told
    scene.stage.until(f"the head report of {uid}", lambda: batches.has_reported(conn, uid, known))
    road.drive_off()
    till.sell_all(baskets[MEANWHILE:])
    digest = read_facts(certificates_of((till.folder / CERTIFICATE).read_bytes())[0]).sha256.hex()
    fields = {"crl_reason": "cessation-of-operation", "reason": _WHY}
    scene.officers[0].press(f"certificates/{digest}/revoke/", f"certificates/?words={digest}", **fields)
    till.end_day()
    register.await_home(fleet.stop)
    scene.stage.until("the stop of a revoked register", lambda: till.status()["stopped"])


def _held(conn: psycopg.Connection[Any], uid: Uid) -> list[Held]:
    """What waits for a decision, in the order of the device."""
    found = [one for one in decision_store.waiting(conn, _HELD_MOST) if one.signed_by == uid]
    return sorted(found, key=lambda one: one.ordinal)


def _readmit(scene: Scene, conn: psycopg.Connection[Any], one: Held) -> None:
    """One officer asks, another approves, on the page; the worker carries it out."""
    act, (first, second) = one.act_hash.hex(), scene.officers
    first.press(f"quarantine/{act}/ask/", "quarantine/", decision="readmit", reason=_OLDER)
    request = next((asked for asked in approvals.newest(conn, deeds=(DECIDE,)) if asked.object == act), None)
    if request is None:
        raise StoryFailed(f"nobody could ask for the re-admission of {one.number}")
    second.press(f"quarantine/requests/{request.request_id}/approve/", "quarantine/")
    scene.stage.until(
        f"the booking of {one.number}", lambda: scene.arrived(conn, Uid(one.signed_by)) >= one.ordinal
    )  # fmt: skip
