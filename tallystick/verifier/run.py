"""A whole verification: parts go to a pool of processes, their reports come back in order and are joined.

At most two parts a process are under way, and each is read as a stream, so memory does not grow with the export.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import attrs

from tallystick.kernel.faults import Fault
from tallystick.verifier.arithmetic import Stated
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.heads import SeenHead, check_quorum, read_heads
from tallystick.verifier.joining import Joiner
from tallystick.verifier.learned import learn
from tallystick.verifier.part import check_part
from tallystick.verifier.part_report import PartReport, PartTask
from tallystick.verifier.policy import Policy
from tallystick.verifier.refunds import find_totals
from tallystick.verifier.stretches import DAY, DEVICE, TAXPAYER, Key
from tallystick.verifier.trust import Trust
from tallystick.wire.ledger_export import MANIFEST, MANIFEST_BYTES_MAX, Manifest, read_manifest
from tallystick.wire.settled_place import SettledPlace

BREAKS_MAX = 100_000
_trust: Trust | None = None

TrustOf = tuple[tuple[bytes, ...], tuple[bytes, ...], dict[bytes, int], dict[str, Stated]]
Progress = Callable[[int, int], None]


@attrs.frozen(slots=True, kw_only=True)
class Outcome:
    """What came of it. ``breaks`` says how many; the first ones went to the caller one by one.

    ``settled`` are places of registers that two persons settled as lost, with the index of the entry that says so: no
    break, for nothing contradicts it, and nothing shows what was there.
    """

    entries: int
    size: int
    origin: str
    scope: str
    breaks: int
    damaged: int
    heads_compared: int
    confirmed_by_witnesses: int
    notes: tuple[str, ...]
    tally: dict[str, int]
    settled: tuple[tuple[int, SettledPlace], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return self.breaks == 0


def verify(
    folder: Path,
    policy: Policy,
    *,
    kept: list[Path] | None = None,
    trust_list: Path | None = None,
    workers: int = 0,
    found: Callable[[Break], None] = lambda one: None,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Verify an export; ``found`` is told each break as it comes, at most 100,000.

    ``kept`` are notes of heads from elsewhere, ``trust_list`` the authority's own list. ``workers`` 0 takes all cores,
    1 stays in this process. Raises ``TS-3050``, ``TS-3051`` when there is nothing that could be verified, ``TS-3072``
    and ``TS-3073`` for the list.
    """
    manifest = _manifest(folder)
    tell = _Teller(found)
    learned = learn(folder, manifest, policy, trust_list, tell)
    policy = learned.policy
    heads = read_heads(folder, manifest, kept or [], policy, tell)
    trust_of = (policy.roots, manifest.issuers, learned.distrusted, policy.rates)
    Trust(*trust_of)
    joiner = Joiner(manifest.first, manifest.edge, manifest.scope == "selection", heads, tell)
    _before_all(manifest, heads, tell)
    tasks = _tasks(folder, manifest, heads)
    done = 0
    for report in _reports(tasks, trust_of, workers or (os.cpu_count() or 1), len(manifest.parts)):
        joiner.take(report)
        done += report.part.entries
        progress(done, manifest.entries)
    for part in manifest.parts if joiner.refunds.wanted else ():
        joiner.refunds.totals |= find_totals(str(folder), part, joiner.refunds.wanted)
    joiner.end()
    confirmed = check_quorum(heads, manifest.size, policy, tell)
    return Outcome(
        entries=manifest.entries,
        size=manifest.size,
        origin=manifest.origin,
        scope=manifest.scope,
        breaks=tell.count,
        damaged=tell.damaged,
        heads_compared=joiner.compared,
        confirmed_by_witnesses=confirmed,
        notes=(*learned.notes, *_notes(manifest, heads, joiner, policy)),
        tally=dict(sorted(joiner.tally.items())),
        settled=tuple(joiner.settled),
    )


class _Teller:
    """Counts breaks and passes on the first ones."""

    def __init__(self, found: Callable[[Break], None]) -> None:
        self._found = found
        self.count = 0
        self.damaged = 0

    def __call__(self, one: Break) -> None:
        self.count += 1
        self.damaged += one.code is BreakCode.DAMAGED
        if self.count <= BREAKS_MAX:
            self._found(one)


def _manifest(folder: Path) -> Manifest:
    try:
        with (folder / MANIFEST).open("rb") as file:
            data = file.read(MANIFEST_BYTES_MAX + 1)
    except FileNotFoundError:
        raise Fault(
            "TS-3051", detail=f"{folder} has no {MANIFEST}: no export, or one that was never finished"
        ) from None
    except OSError as error:
        raise Fault("TS-3050", detail=f"{folder / MANIFEST}: {error.strerror}") from None
    if len(data) > MANIFEST_BYTES_MAX:
        raise Fault("TS-3052", detail="a manifest beyond every bound")
    return read_manifest(data)


def _before_all(manifest: Manifest, heads: list[SeenHead], tell: _Teller) -> None:
    """The last head must be there, and no head that was kept elsewhere may be larger than a whole ledger."""
    if manifest.size and not any(head.size == manifest.size and not head.kept for head in heads):
        detail = f"nothing signs the {manifest.size} entries of the export"
        tell(Break(BreakCode.HEAD_SIGNATURE, manifest.size, f"tree of {manifest.size}", detail))
    for head in heads:
        if head.kept and head.size > manifest.size and manifest.scope == "all":
            detail = f"{head.source} signs {head.size} entries, the ledger ends at {manifest.size}"
            tell(Break(BreakCode.OLDER_HEAD, head.size, f"tree of {head.size}", detail))


def _tasks(folder: Path, manifest: Manifest, heads: list[SeenHead]) -> Iterator[PartTask]:
    roots = {head.size: head.root for head in heads if not head.kept}
    sizes = sorted({head.size for head in heads})
    floors = sorted((head.size, head.cosigned_ms) for head in heads if head.cosigned_ms)
    main = _main_key(manifest)
    for part in manifest.parts:
        end = part.first + part.entries
        inside = tuple(size for size in sizes if part.first < size <= end)
        passed = [time for size, time in floors if size <= part.first]
        seen = [(part.first, max(passed))] if passed else []
        later = [(size, time) for size, time in floors if size > part.first]
        yield PartTask(
            folder=str(folder),
            part=part,
            origin=manifest.origin,
            selection=manifest.scope == "selection",
            main=main,
            sizes=inside,
            floors=(*seen, *later),
            final=(manifest.size, roots.get(manifest.size, b"")),
        )


def _main_key(manifest: Manifest) -> Key | None:
    for name in (DEVICE, TAXPAYER, DAY):
        if name in manifest.of:
            return name, manifest.of[name]
    return None


def _reports(tasks: Iterator[PartTask], trust_of: TrustOf, workers: int, parts: int) -> Iterator[PartReport]:
    """The reports in the order of the parts."""
    if workers == 1 or parts < 2:
        trust = Trust(*trust_of)
        for task in tasks:
            yield check_part(task, trust)
        return
    waiting: deque[Future[PartReport]] = deque()
    count = min(workers, parts)
    with ProcessPoolExecutor(count, get_context("forkserver"), _start_worker, trust_of) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(_work, task))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise Fault("TS-3054", detail="a process of the verification was ended from outside") from None
        finally:
            for future in waiting:
                future.cancel()


def _start_worker(*trust_of: object) -> None:
    global _trust  # noqa: PLW0603 - one store a process, set once when it starts
    _trust = Trust(*trust_of)  # type: ignore[arg-type]


def _work(task: PartTask) -> PartReport:
    assert _trust is not None, "set when the process starts"
    return check_part(task, _trust)


def _notes(manifest: Manifest, heads: list[SeenHead], joiner: Joiner, policy: Policy) -> Iterator[str]:
    """What could not be shown by this export; said, never passed over."""
    if not policy.roots:
        yield "the policy names no root of certificates: every certificate is a break"
    if joiner.has_registers and not policy.rates:
        yield "the policy names no country's pack: taxes of national documents were not recomputed"
    for index, place in joiner.settled:
        if joiner.ends_at(place):
            yield f"entry {index}: no document shows yet where device {place.device} goes on behind its settled place"
    if manifest.scope == "selection":
        yield "a selection shows that its entries are in the log, not that nothing was left out at its end"
    if manifest.first and manifest.scope != "selection":
        yield f"the entries before {manifest.first} are not in the export: registrations there were not looked at"
    if not joiner.tree_known and manifest.scope != "selection":
        yield "part of the export cannot be read: no root behind that place was compared"
    covered = manifest.scope != "selection"
    outside = [head for head in heads if head.kept and not (covered and manifest.first < head.size <= manifest.size)]
    for head in outside:
        if head.size <= manifest.size or manifest.scope != "all":
            yield f"{head.source}: its {head.size} entries are not all in this export, so it was not compared"
