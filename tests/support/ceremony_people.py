"""The people of a key ceremony, for tests: they read words from the screen, write them down, and type them back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs
from softhsm import PIN, make_token, module_path, process_configuration

from tallystick.ops.settings import Settings

_WORD = re.compile(r"\d+ ([a-z]+)")
_ASKED_WORD = re.compile(r"(.+), word (\d+) of your paper")


ODD = {"Custodian 1", "Custodian 3", "Custodian 5"}
"""Who comes: as many as it takes."""


def in_files(folder: Path) -> Settings:
    """Keys of the authority are to lie in sealed files."""
    return Settings(state=str(folder / "state"))


def in_a_token(folder: Path) -> Settings:
    """They are to lie in a new token of SoftHSM2."""
    module = module_path()
    label = make_token(process_configuration(), "ceremony")
    pin = folder / "first-pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN)
    return Settings(
        state=str(folder / "state"),
        key_store="pkcs11",
        hsm_module=str(module),
        hsm_token=label,
        key_store_secret_file=str(pin),
    )


@attrs.define
class Room:
    """Everybody in the room, as a `conduct.Console`. ``present`` are the custodians who give their share when asked."""

    present: set[str]
    papers: dict[str, str] = attrs.Factory(dict)
    screen: list[str] = attrs.Factory(list)
    secret_prompts: list[str] = attrs.Factory(list)
    refuses: str = ""
    typo: Callable[[str, str], str] = lambda name, words: words
    stop_at: str = ""
    _alone: str = ""

    def say(self, text: str) -> None:
        self.screen.append(text)
        if self.stop_at and self.stop_at in text:
            self.stop_at = ""
            raise KeyboardInterrupt
        if text.endswith("comes to the machine alone."):
            self._alone = text.removesuffix(" comes to the machine alone.")

    def show_alone(self, text: str) -> None:
        self.papers[self._alone] = " ".join(_WORD.findall(text.split(":", 1)[1]))

    def ask(self, prompt: str) -> str:
        if prompt.startswith("Name of the "):
            return prompt.removeprefix("Name of the ").removesuffix(": ").title()
        if "was it so" in prompt:
            return "n" if self.refuses and self.refuses in self.screen[-1] + self.screen[-2] else "y"
        return "Room 3" if prompt == "Room: " else "12:00"

    def ask_secret(self, prompt: str) -> str:
        self.secret_prompts.append(prompt)
        if asked := _ASKED_WORD.match(prompt):
            return self.papers[asked[1]].split()[int(asked[2]) - 1]
        name = prompt.split(",", maxsplit=1)[0]
        return self.typo(name, self.papers[name]) if name in self.present else ""
