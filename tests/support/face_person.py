"""Somebody at a device: its page over HTTP, with forms that say where they are from."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

import attrs
from esdc_bench import PIN
from esdc_live import Reply, Scene, http, play, until

from tallystick.device.esdc.esdc import Face
from tallystick.device.esdc.service import RunningSlot

FORM = "application/x-www-form-urlencoded"
LANGUAGES = ("en-US", "sr-Cyrl-RS", "sr-Latn-RS")
TOKEN = re.compile(r'name="token" value="([^"]+)"')


class Person:
    """Somebody at the device, with a browser that says where its forms are from."""

    def __init__(self, running: RunningSlot) -> None:
        assert running.face_port is not None
        self.running = running
        self.port = running.face_port
        self.host = f"127.0.0.1:{self.port}"

    async def get(self, path: str = "/", **headers: str) -> Reply:
        """Whatever is there."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http(self.port, "GET", path, headers={"Host": self.host} | named)

    async def page(self, path: str = "/", **headers: str) -> str:
        """A page that must be there."""
        reply = await self.get(path, **headers)
        assert reply.status == 200
        return reply.body.decode()

    async def token(self) -> str:
        """What the forms of the page carry."""
        found = TOKEN.search(await self.page("/clock"))
        assert found is not None
        return found[1]

    async def send(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
        **fields: str,
    ) -> Reply:
        """A form of the page; headers and fields as a test wants them, an empty header is left out."""
        values = {"token": await self.token()} | fields | dict(more or {})
        origin = {"Host": self.host, "Origin": f"http://{self.host}", "Content-Type": FORM}
        told = {name: value for name, value in (origin | dict(headers or {})).items() if value}
        return await http(self.port, "POST", path, urlencode(values).encode(), told)


Act = Callable[[Scene, Person], Awaitable[None]]


def at_the_device(folder: Path, act: Act, *, pin: bool = False, authority: bool = True, **card: object) -> None:
    """Play one act at a running device."""

    async def whole(scene: Scene) -> None:
        if authority:
            await scene.authority()
        slot = attrs.evolve(scene.slot(**card), face=Face(port=0, languages=LANGUAGES))  # type: ignore[arg-type]
        running = await scene.host.add(slot)
        device = running.esdc.device
        if authority:
            await until(lambda: device.session is not None and device.session.setup is not None)
        person = Person(running)
        if pin:
            assert (await person.send("/pin", pin=PIN)).headers["location"] == "/?m=pin-ok"
        await act(scene, person)

    play(folder, whole)


def shown(page: str) -> list[str]:
    """The notices of a page, the headline first."""
    return re.findall(r'id="notice-([a-z-]+)"', page)


async def until_shown(person: Person, notice: str) -> str:
    """The page as soon as it shows a notice."""
    for _ in range(200):
        if notice in shown(page := await person.page()):
            return page
    raise AssertionError(f"{notice} never came")
