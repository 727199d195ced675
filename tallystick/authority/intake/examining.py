"""Steps 6 to 12 for one package: run the channel's checks in their order, and collect what is wrong with it."""

from __future__ import annotations

from tallystick.authority.intake.checks import CHECKS
from tallystick.authority.intake.package import Finding, Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.verdicts import Outcome
from tallystick.kernel.faults import Fault


def prove(rules: PackageRules, package: Package) -> None:
    """Step 6, first half: whoever fails is refused; raises the fault."""
    for check in CHECKS[package.channel].proof:
        try:
            check.function(rules, package)
        except Fault as fault:
            raise at_step(check.step, fault) from None


async def examine(rules: PackageRules, package: Package) -> None:
    """Steps 6 to 12: collect what is wrong with a package that was lawfully signed; raises what cannot be said now."""
    for check in CHECKS[package.channel].kept:
        try:
            waiting = check.function(rules, package)
            if waiting is not None:
                await waiting
        except Fault as fault:
            finding = Finding.of(check.step, fault)
            if finding.outcome in (Outcome.RAISED, Outcome.DOUBT):
                raise at_step(check.step, fault) from None
            package.findings.append(finding)


def at_step(step: Step, fault: Fault) -> Fault:
    """The fault with the number of the step that raised it."""
    fault.step = step
    return fault
