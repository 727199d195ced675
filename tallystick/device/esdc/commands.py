"""Commands of the authority: each is carried out once, in the order received, and its result is kept and reported.

Configuration replaces the one before of its type (S2-013 to S2-016). A proof of audit and a directive go to the card;
one that was interrupted on its way there is tried again, and the card's own answer tells whether it had arrived.
"""

from __future__ import annotations

import binascii
import logging
from collections.abc import Iterable
from datetime import datetime

import attrs

from tallystick.device.esdc.conversation import Conversation, Means, Need, ask
from tallystick.device.esdc.setup_records import CommandRecord
from tallystick.device.secure_element import StatusWordError
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.wire.configuration import parse_configuration
from tallystick.wire.ntp import TimeServer
from tallystick.wire.pos_languages import common_languages
from tallystick.wire.tax_rates import parse_tax_rate_groups
from tallystick.wire.taxcore_api import Command, CommandType
from tallystick.wire.verification_url import is_prefix

PIN_REQUIRED = frozenset({0x6301, 0x6982})
NO_ACTIVE_AUDIT = 0x6306
STALE_DIRECTIVE = 0x6A80
OF_ANOTHER_CARD, REFUSED, CAME_AGAIN = "TS-3170", "TS-3171", "TS-3172"


log = logging.getLogger(__name__)


class CardNotReady(Exception):
    """The card wants its PIN first: the command stays outstanding at the authority and comes again."""


@attrs.frozen(slots=True)
class FindCommand(Need[CommandRecord | None]):
    """What is known of a command."""

    command_id: str

    def perform(self, means: Means) -> CommandRecord | None:
        """Read it from the store."""
        return means.store.setup.command(self.command_id)


@attrs.frozen(slots=True)
class BeginCommand(Need[None]):
    """It is about to reach the card."""

    command_id: str
    type: int
    received_ms: int

    def perform(self, means: Means) -> None:
        """Store that."""
        means.store.setup.begin_command(self.command_id, self.type, self.received_ms)


@attrs.frozen(slots=True)
class ForgetCommand(Need[None]):
    """It certainly did not reach the card."""

    command_id: str

    def perform(self, means: Means) -> None:
        """Store that."""
        means.store.setup.forget_command(self.command_id)


@attrs.frozen(slots=True, kw_only=True)
class FinishCommand(Need[None]):
    """Its result, and the configuration that it sets."""

    command_id: str
    type: int
    received_ms: int
    success: bool
    payload: str | None = None

    def perform(self, means: Means) -> None:
        """Store both in one commit."""
        means.store.setup.finish_command(
            self.command_id, self.type, self.received_ms, success=self.success, payload=self.payload
        )


@attrs.frozen(slots=True)
class ReportAgain(Need[None]):
    """It was carried out before; the authority has not heard."""

    command_id: str

    def perform(self, means: Means) -> None:
        """Store that its result is due again."""
        means.store.setup.report_again(self.command_id)


@attrs.frozen(slots=True)
class EndAudit(Need[None]):
    """APDU 20."""

    proof: bytes

    def perform(self, means: Means) -> None:
        """Hand the proof to the card; raises `StatusWordError` or `CardUnavailable`."""
        means.card.end_audit(self.proof)


@attrs.frozen(slots=True)
class ForwardDirective(Need[None]):
    """APDU 40."""

    directive: bytes

    def perform(self, means: Means) -> None:
        """Hand the directive to the card; raises `StatusWordError` or `CardUnavailable`."""
        means.card.forward_directive(self.directive)


@attrs.frozen(slots=True)
class FinishCycle(Need[None]):
    """The card accepted the proof of its newest Start: what it covers may go."""

    def perform(self, means: Means) -> None:
        """Store that, and delete the packages up to the remembered ordinal (S2-112)."""
        means.store.write_notes()
        cycle = means.store.audit.newest()
        if cycle is not None and cycle.is_open:
            means.store.audit.finish(cycle)


def obey(command: Command, uid: str, device_languages: Iterable[str], now: datetime) -> Conversation[bool | None]:
    """Carry out one command and keep its result; none for another card's command.

    Raises `CardNotReady`, and what the needs raise.
    """
    command_id = command.command_id.upper()
    if command.uid.upper() != uid:
        log.warning("%s: command %s is for another card; it is left alone", OF_ANOTHER_CARD, _short(command_id))
        return None
    known = yield from ask(FindCommand(command_id))
    if known is not None and known.success is not None:
        log.info("%s: command %s came again; its first result stands", CAME_AGAIN, _short(command_id))
        yield from ask(ReportAgain(command_id))
        return known.success
    kind = command.known_type
    payload: str | None = None
    if kind is CommandType.FORWARD_PROOF_OF_AUDIT:
        success = yield from _to_card(command, EndAudit, NO_ACTIVE_AUDIT, known is not None, now)
        if success:
            yield from ask(FinishCycle())
    elif kind is CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE:
        success = yield from _to_card(command, ForwardDirective, STALE_DIRECTIVE, known is not None, now)
    else:
        success = is_good_configuration(command, device_languages)
        payload = command.payload if success and kind is not CommandType.TAX_CORE_PUBLIC_KEY else None
    if not success:
        log.error("%s: command %s of type %d cannot be carried out", REFUSED, _short(command_id), command.type)
    yield from ask(
        FinishCommand(
            command_id=command_id, type=command.type, received_ms=unix_ms(now), success=success, payload=payload
        )
    )
    return success


def _short(command_id: str) -> str:
    """What of an id is worth a line: a GUID is shorter, and whatever else comes is not ours."""
    return repr(command_id[:64])


def _to_card(
    command: Command,
    need: type[EndAudit] | type[ForwardDirective],
    done_before: int,
    interrupted: bool,
    now: datetime,
) -> Conversation[bool]:
    """Forward the payload; after an interruption the status word `done_before` means that it had arrived then."""
    try:
        data = binascii.a2b_base64(command.payload, strict_mode=True)
    except ValueError:
        return False
    command_id = command.command_id.upper()
    yield from ask(BeginCommand(command_id, command.type, unix_ms(now)))
    try:
        yield from ask(need(data))
    except StatusWordError as error:
        if error.status_word in PIN_REQUIRED:
            yield from ask(ForgetCommand(command_id))
            raise CardNotReady(str(error)) from error
        log.warning("the card answered command %s with %04X", _short(command_id), error.status_word)
        return interrupted and error.status_word == done_before
    return True


def is_good_configuration(command: Command, device_languages: Iterable[str]) -> bool:
    """Whether a configuration command can be taken; types that were never published cannot (wire: 6.4)."""
    kind = command.known_type
    if kind is CommandType.TAX_CORE_PUBLIC_KEY:
        return True
    try:
        if kind is CommandType.SET_TAX_RATES:
            return bool(parse_tax_rate_groups(command.payload))
        if kind is CommandType.SET_TAX_CORE_CONFIGURATION:
            configuration = parse_configuration(command.payload)
            return bool(common_languages(device_languages, configuration.supported_languages))
    except Fault:
        return False
    if kind is CommandType.SET_VERIFICATION_URL:
        return is_prefix(command.payload)  # or the QR code would fail after the card has signed
    if kind is CommandType.SET_TIME_SERVER_URL:
        return len(command.payload) <= LIMITS.verification_url_bytes and is_time_server(command.payload)
    return False


def is_time_server(text: str) -> bool:
    """Whether a time server can be asked at that host or URL."""
    try:
        return bool(TimeServer.of(text))
    except Fault:
        return False
