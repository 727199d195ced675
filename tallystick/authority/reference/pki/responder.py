"""OCSP answers: made ahead where no nonce is asked for, signed on demand where one is; from the registry's own view.

What is revoked comes from the view of the registry that every channel reads, so an answer changes with the commit of a
revocation. A certificate that is not in the register is *unknown*, never *good*.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from tallystick.authority.reference.pki.ports import Revoked
from tallystick.authority.reference.pki.values import Issuance, IssuanceState, Reason
from tallystick.crypto.ocsp import (
    CertificateStatus,
    Finding,
    MalformedQuestion,
    OcspError,
    Question,
    Responder,
    error_answer,
    issuer_keys,
    read_question,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock

VALID_FOR = timedelta(hours=4)
_KEPT_FOR = timedelta(hours=1)
_VIEW_AGE_MAX = timedelta(minutes=5)
_KEPT_MOST = 50_000

Answers = OrderedDict[tuple[str, str, bytes, int], tuple[datetime, bytes]]


class RevocationView(Protocol):
    """The registry in memory, as far as revocations go."""

    @property
    def refreshed_at(self) -> datetime | None:
        """When it last agreed with the database."""

    @property
    def revocations_seen(self) -> int:
        """Rises with each change."""

    def revocation(self, certificate_hash: bytes) -> Revoked | None:
        """The revocation that stands."""


class NotInMemory(Exception):
    """Register or key processes have to be asked: call `OcspService.answer` where blocking is allowed."""


@attrs.define
class OcspService:
    """Answers for every authority that has a responder. Belongs to one process; calls may come from its threads.

    ``find`` asks the register for a certificate by authority and serial number.
    """

    view: RevocationView
    find: Callable[[str, int], Issuance | None]
    clock: Clock
    _responders: Mapping[str, Responder] = attrs.field(factory=dict, init=False)
    _names: Mapping[tuple[str, bytes], str] = attrs.field(factory=dict, init=False)
    _answers: Answers = attrs.field(factory=OrderedDict, init=False)
    _known: OrderedDict[tuple[str, int], Issuance] = attrs.field(factory=OrderedDict, init=False)
    _seen: int = attrs.field(default=-1, init=False)

    def use(self, responders: Mapping[str, Responder], authorities: Mapping[str, bytes]) -> None:
        """Answer with these responders from now on; ``authorities`` are certificates (DER) by name.

        Answers that were made stay good while the responders are the same.
        """
        if {name: one.certificate for name, one in self._responders.items()} == {
            name: one.certificate for name, one in responders.items()
        }:
            return
        self._responders = dict(responders)
        self._names = {key: name for name, der in authorities.items() for key in issuer_keys(der)}
        self._answers = OrderedDict()

    def answer(self, der: bytes, *, may_block: bool = True) -> bytes:
        """The answer to a question, DER: in every case one, with a proper error where there is nothing to say.

        Raises `NotInMemory` where register or key processes would have to be asked and ``may_block`` is false.
        """
        try:
            question = read_question(der)
        except MalformedQuestion:
            return error_answer(OcspError.MALFORMED)
        name = self._names.get(question.issuer)
        if name is None or name not in self._responders:
            return error_answer(OcspError.UNAUTHORIZED)
        now = self.clock()
        if self.view.refreshed_at is None or now - self.view.refreshed_at > _VIEW_AGE_MAX:
            return error_answer(OcspError.TRY_LATER)
        try:
            return self._answer(name, question, now, may_block)
        except Fault:  # the responder's key is away
            return error_answer(OcspError.TRY_LATER)

    def _answer(self, name: str, question: Question, now: datetime, may_block: bool) -> bytes:
        if self._seen != self.view.revocations_seen:
            self._seen, self._answers = self.view.revocations_seen, OrderedDict()
        answers = self._answers
        key = (name, question.hash_name, question.issuer_name_hash, question.serial)
        if not question.nonce:
            kept = answers.get(key)
            if kept is not None and now - kept[0] < _KEPT_FOR:
                return kept[1]
        finding = self._finding(name, question.serial, may_block)
        if not may_block and not self._responders[name].is_here:
            raise NotInMemory
        this_update = now.replace(microsecond=0)
        made = self._responders[name].answer(question, finding, this_update, this_update + VALID_FOR)
        if not question.nonce and finding.status is not CertificateStatus.UNKNOWN:
            answers[key] = (now, made)
            _bound(answers)
        return made

    def _finding(self, name: str, serial: int, may_block: bool) -> Finding:
        issuance = self._known.get((name, serial))
        if issuance is None:
            if not may_block:
                raise NotInMemory
            issuance = self.find(name, serial)
            if issuance is None or issuance.state is IssuanceState.INTENT:
                return Finding(CertificateStatus.UNKNOWN)
            self._known[name, serial] = issuance
            _bound(self._known)
        if issuance.certificate_hash is None:
            return Finding(CertificateStatus.REVOKED, issuance.begun_at, Reason.CESSATION_OF_OPERATION)
        revoked = self.view.revocation(issuance.certificate_hash)
        if revoked is None:
            return Finding(CertificateStatus.GOOD)
        return Finding(CertificateStatus.REVOKED, revoked.revoked_at, revoked.reason)


def _bound(kept: OrderedDict[object, object] | Answers | OrderedDict[tuple[str, int], Issuance]) -> None:
    while len(kept) > _KEPT_MOST:
        kept.popitem(last=False)
