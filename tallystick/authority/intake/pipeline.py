"""The one way of an audit package: fifteen steps, each passes silently or raises one fault (security, 4.1).

Two sentences decide most cases. What was lawfully signed and is in a buyer's hand is never thrown away: it is booked,
booked with a flag, or kept in quarantine. The same bytes again get the same answer again: step 5 is the sequencer's
work where a package is booked (it knows every act), and a question to the ledger before anything else is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter

import attrs

from tallystick.authority.intake import metrics
from tallystick.authority.intake.budget import BudgetPolicy, FailureBudget
from tallystick.authority.intake.examining import at_step, examine, prove
from tallystick.authority.intake.giving_back import take_from_original
from tallystick.authority.intake.hosted import HostedDocument
from tallystick.authority.intake.keeping import Keeping
from tallystick.authority.intake.package import Package, PackageAnswer
from tallystick.authority.intake.ports import PackageRules, Sequencer, Stores
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.verdicts import UNIFORM, AuditStatus, Outcome, outcome_of, status_of
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.limits import LIMITS
from tallystick.wire.audit_package import read_audit_data, read_sealed

log = logging.getLogger(__name__)

_COUNTED = frozenset({AuditStatus.NOT_OPENED, AuditStatus.SIGNATURE_INVALID, AuditStatus.CERTIFICATE_NOT_ISSUED})


@attrs.frozen(slots=True, kw_only=True)
class IntakePolicy:
    """Settings of the intake.

    ``uniform_seconds``: a refusal leaves at a whole multiple of it after the arrival, so that its time does not tell
    how far the package came. ``in_work_most`` bounds what one process judges at a time.
    """

    budget: BudgetPolicy = attrs.field(factory=BudgetPolicy)
    uniform_seconds: float = 0.25
    in_work_most: int = 64


class Intake:
    """Judges packages, one call each.

    `stopped` is the institution's switch: nothing is taken in while it is set. ``check_open`` is another gate, such as
    the quorum of witnesses: it raises ``TS-50xx`` while packages have to wait.
    """

    def __init__(
        self,
        rules: PackageRules,
        sequencer: Sequencer,
        stores: Stores,
        policy: IntakePolicy = IntakePolicy(),
        check_open: Callable[[], object] = lambda: None,
    ) -> None:
        self.stopped = False
        self._check_open = check_open
        self._rules = rules
        self._stores = stores
        self._keeping = Keeping(rules, sequencer, stores)
        self._policy = policy
        self._budget = FailureBudget(policy.budget)
        self._in_work: dict[tuple[bytes, str, SdcInvoiceNumber | None], asyncio.Future[PackageAnswer]] = {}

    async def remember_refusals(self, now: datetime) -> None:
        """Fill the budget from the store, after a start."""
        for uid, tin, at in await self._stores.recent_refusals(now - timedelta(days=1)):
            self._budget.count(uid, tin, at)

    async def submit_package(
        self,
        body: bytes,
        *,
        token_uid: str,
        token_tin: str,
        received_at: datetime,
        named: SdcInvoiceNumber | None = None,
    ) -> PackageAnswer:
        """Judge one package as it arrived; returns its status for the answer.

        ``named`` is the invoice that a file's name says (S2-081): another one inside is ``TS-1204``, and nothing is
        kept. It is compared once the signature is known to be good, so that it tells a stranger nothing.

        Raises ``TS-1003``, ``TS-1210`` ... for a body that is no package (HTTP 4xx), ``TS-1006`` when the sender's
        budget of failures is used up (429), and ``TS-50xx`` when nothing can be said now (503). The same bytes from
        the same taxpayer in work at this moment wait for that one answer.
        """
        file_hash = sha256(body)
        flight = (file_hash, token_tin, named)
        running = self._in_work.get(flight)
        if running is not None:
            return attrs.evolve(await asyncio.shield(running), replayed=True)
        landed: asyncio.Future[PackageAnswer] = asyncio.get_running_loop().create_future()
        self._in_work[flight] = landed
        try:
            answer = await self._answer(Package(body, token_uid, token_tin, received_at, file_hash, named))
            landed.set_result(answer)
            return answer
        except BaseException as error:
            landed.set_exception(error if isinstance(error, Exception) else Fault("TS-5002", detail="cancelled"))
            landed.exception()
            raise
        finally:
            del self._in_work[flight]

    async def submit_document(self, document: HostedDocument) -> PackageAnswer:
        """Judge and book what a hosted signer of ours has signed: the same steps, without envelope and budget.

        Raises what cannot be said now (``TS-50xx``), and what must not happen: a signature that is not good
        (``TS-1312``), a pair that is not ours (``TS-1311``). The document is kept by its signer and comes again.
        """
        package = document.as_package()
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        prove(self._rules, package)
        await self._examine(package)
        answer = await self._keeping.keep(package)
        metrics.answered(answer.status, perf_counter() - document.started)
        return answer

    async def _answer(self, package: Package) -> PackageAnswer:
        started = perf_counter()
        metrics.IN_WORK.inc()
        try:
            answer = await self._judge(package)
        except Fault as fault:
            metrics.fault(fault.step or 0, fault.code)
            raise
        except Exception:
            # Our own bug says nothing about the package: the device keeps it and sends it again.
            log.exception("a package could not be judged", extra={"file_hash": package.file_hash.hex()})
            answer = PackageAnswer(AuditStatus.NOT_STORED, step=Step.SEQUENCER, code="TS-5099")
        finally:
            metrics.IN_WORK.dec()
        if answer.refused:
            await self._wait_for_the_tick(started)
        metrics.answered(answer.status, perf_counter() - started)
        return answer

    async def _judge(self, package: Package) -> PackageAnswer:
        try:
            await self._enter(package)
            prove(self._rules, package)
            _compare_name(package)
            await self._examine(package)
        except Fault as fault:
            return await self._conclude(package, fault)
        return await self._keeping.keep(package)

    async def _examine(self, package: Package) -> None:
        """Steps 6 to 12."""
        await examine(self._rules, package)
        await take_from_original(self._stores, package, package.received_at)
        for finding in package.findings:
            metrics.fault(finding.step, finding.fault.code)

    async def _enter(self, package: Package) -> None:
        """Steps 1 to 4: gates, budget, open, read."""
        self._pass_gates()
        if len(self._in_work) > self._policy.in_work_most:
            raise at_step(Step.GATES, Fault("TS-5002", detail="too many packages in work", retry_after_seconds=2))
        if len(package.body) > LIMITS.audit_package_bytes:
            raise at_step(Step.GATES, Fault("TS-1003"))
        try:
            self._budget.check(package.token_uid, package.token_tin, package.received_at)
        except Fault as fault:
            raise at_step(Step.TRANSPORT_IDENTITY, fault) from None
        try:
            package.unwrapped = await self._rules.unwrap.open_package(read_sealed(package.body))
        except Fault as fault:
            raise at_step(Step.OPEN, fault) from None
        try:
            package.read = read_audit_data(package.opened.plain, zone=self._rules.zone)
        except Fault as fault:
            raise at_step(Step.READ_STRICTLY, Fault("TS-1202", detail=f"{fault.code} {fault.detail}")) from None

    def _pass_gates(self) -> None:
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        try:
            self._check_open()
        except Fault as fault:
            raise at_step(Step.GATES, fault) from None

    async def _conclude(self, package: Package, fault: Fault) -> PackageAnswer:
        """What ends the way of a package before it is kept."""
        step = fault.step or 0
        if outcome_of(fault) is Outcome.RAISED or not _is_package(fault):
            raise fault
        metrics.fault(step, fault.code)
        if outcome_of(fault) is Outcome.DOUBT or await self._registry_is_behind(package, fault):
            return PackageAnswer(AuditStatus.NOT_STORED, step=step, code=fault.code)
        kept = await self._keeping.kept_before(package, fault)
        if kept is not None:
            return kept
        return await self._refuse(package, fault, step)

    async def _registry_is_behind(self, package: Package, fault: Fault) -> bool:
        if fault.code != "TS-1311":
            return False
        return await self._stores.is_registered(package.result.signed_by)

    async def _refuse(self, package: Package, fault: Fault, step: int) -> PackageAnswer:
        status = status_of(fault)
        answered = AuditStatus.NOT_OPENED if status in UNIFORM and package.is_foreign else status
        await self._keeping.refuse(package, fault, step, answered)
        if answered in _COUNTED:
            self._budget.count(package.token_uid, package.token_tin, package.received_at)
        uniform = answered is AuditStatus.NOT_OPENED
        return PackageAnswer(
            answered, step=Step.OPEN if uniform else step, code="TS-1202" if uniform else fault.code, refused=True
        )

    async def _wait_for_the_tick(self, started: float) -> None:
        tick = self._policy.uniform_seconds
        if tick > 0:
            await asyncio.sleep(tick - (perf_counter() - started) % tick)


def _compare_name(package: Package) -> None:
    if package.named is not None and package.named != package.result.number:
        raise at_step(Step.BINDING, Fault("TS-1204", detail=f"the file holds invoice {package.result.number}"))


def _is_package(fault: Fault) -> bool:
    """Whether the body had the shape of a package at all; else it is an HTTP error, not a status."""
    return fault.step != Step.OPEN or fault.code == "TS-1202"
