"""Joins the parts: sequences meet at each border, devices are registered, numbers stand once, roots are signed."""

from __future__ import annotations

from collections import Counter

import attrs

from tallystick.verifier import hashes
from tallystick.verifier.breaks import Break, BreakCode, Report
from tallystick.verifier.heads import SeenHead
from tallystick.verifier.part_report import PartReport, Tombstone
from tallystick.verifier.refunds import RefundBook
from tallystick.verifier.registers import RegisterFold
from tallystick.verifier.sequences import LINK_BREAKS
from tallystick.verifier.stretches import DEVICE, TAXPAYER, Key, Ranges, Registration, Stretch, merge_ranges
from tallystick.wire.settled_place import SettledPlace


@attrs.define(slots=True)
class _Standing:
    seq: int
    link: bytes
    total: int
    doubts: int


class Joiner:
    """Takes the reports in order. Memory goes by devices, taxpayers, days and erased bodies, not by all entries."""

    def __init__(
        self, first: int, edge: tuple[bytes, ...], selection: bool, heads: list[SeenHead], report: Report
    ) -> None:
        """``edge`` are the nodes over the entries before ``first``; ``heads`` those to compare with, by size."""
        self._from_start = first == 0 and not selection
        self._selection = selection
        self._edge = hashes.Edge(0 if selection else first, () if selection else edge)
        self._heads = heads
        self._report = report
        self._standings: dict[Key, _Standing] = {}
        self._ordinals: dict[str, Ranges] = {}
        self._counters: dict[tuple[str, str], tuple[int, int]] = {}
        self._registrations: dict[str, Registration] = {}
        self._certificates: dict[bytes, int] = {}
        self._certified: set[bytes] = set()
        self._unregistered: dict[bytes, tuple[int, int]] = {}
        self._folds: dict[str, RegisterFold] = {}
        self.refunds = RefundBook()
        self.settled: list[tuple[int, SettledPlace]] = []
        self._tombstones: list[Tombstone] = []
        self._erased: dict[tuple[int, int], str] = {}
        self._doubts = 0
        self._tree_known = not selection
        self._agreed = (first, 0)
        self._contradicted = False
        self._last_ms = 0
        self.tally: Counter[str] = Counter()
        self.compared = 0

    @property
    def tree_known(self) -> bool:
        """Whether all entries so far could be read, so that roots can be computed."""
        return self._tree_known

    @property
    def has_registers(self) -> bool:
        """Whether a document of the national channels was among them."""
        return bool(self._folds)

    def ends_at(self, place: SettledPlace) -> bool:
        """Whether nothing of the device follows a settled place: then no document shows where its sequence goes on."""
        standing = self._standings.get((DEVICE, place.pair))
        return standing is not None and standing.seq == place.last

    def take(self, report: PartReport) -> None:
        """The next part."""
        for one in report.breaks:
            self._report(one)
        if report.cut:
            self.tally["breaks not listed"] += report.cut
        if report.damage is not None:
            fault, name = report.damage, report.part.name
            self._report(Break(BreakCode.DAMAGED, report.part.first, name, str(fault), self._last_ms))
        self.tally += report.tally
        self._register(report)
        self.settled += report.settled
        self._tombstones += report.tombstones
        self._erased |= report.erased
        if report.blind:
            self._doubts += 1
        for key, stretch in report.stretches.items():
            self._meet(key, stretch)
        self._count(report)
        self._follow_registers(report)
        self.refunds.take(report.refunds, report.originals)
        self._grow(report)
        self._last_ms = report.last_ms or self._last_ms

    # --- sequences ---------------------------------------------------------------------------------------------

    def _meet(self, key: Key, stretch: Stretch) -> None:
        standing = self._standings.get(key)
        index, name, code = stretch.first_index, f"{key[0]} {key[1]}", LINK_BREAKS[key[0]]
        if standing is None:
            self._open(key, stretch, name, code)
        elif standing.doubts == self._doubts and not self._selection:
            if stretch.first_seq != standing.seq + 1:
                detail = f"number {stretch.first_seq} follows number {standing.seq}"
                self._report(Break(code, index, name, detail, self._last_ms))
            elif stretch.before != standing.link:
                detail = "the link before it is not the one that the sequence left behind"
                self._report(Break(code, index, name, detail, self._last_ms))
            elif stretch.total_before != standing.total:
                detail = f"the running total was {standing.total}, and goes on from {stretch.total_before}"
                self._report(Break(code, index, name, detail, self._last_ms))
        self._standings[key] = _Standing(stretch.seq, stretch.link, stretch.total, self._doubts)

    def _open(self, key: Key, stretch: Stretch, name: str, code: BreakCode) -> None:
        """A sequence that is new here begins with number 1, and a device with its registration."""
        index = stretch.first_index
        if stretch.first_seq != 1:
            if self._from_start and not self._doubts:
                detail = f"begins with number {stretch.first_seq}"
                self._report(Break(code, index, name, detail, self._last_ms))
            return
        if key[0] == DEVICE:
            self._open_device(key, stretch)
        elif key[0] == TAXPAYER and len(stretch.salt) != hashes.HASH_BYTES and self._from_start:
            self._report(Break(code, index, name, "nothing opens the sequence", self._last_ms))
        if stretch.total_before:
            detail = f"begins with a running total of {stretch.total_before}"
            self._report(Break(code, index, name, detail, self._last_ms))

    def _open_device(self, key: Key, stretch: Stretch) -> None:
        opened = self._registrations.get(key[1])
        if opened is None:
            if self._from_start and not self._doubts:
                detail = "documents of a device that the log never registered"
                self._report(Break(BreakCode.REGISTRATION, stretch.first_index, f"device {key[1]}", detail))
            return
        genesis = hashes.device_genesis(key[1], opened.certificate_hash, opened.leaf_hash)
        if stretch.before != genesis:
            detail = f"does not begin with its registration, entry {opened.index}"
            self._report(Break(BreakCode.DEVICE_LINK, stretch.first_index, f"device {key[1]}", detail))

    def _register(self, report: PartReport) -> None:
        for one in report.registrations:
            self._registrations.setdefault(one.pair, one)
            self._certificates.setdefault(one.certificate_hash, one.index)
        self._certified |= report.certified
        if not self._from_start or self._doubts:
            return
        for digest, index in report.used.items():
            if self._certificates.get(digest, index) < index:
                continue
            if digest in report.national:
                self._unregistered.setdefault(digest, (index, self._last_ms))
            else:
                self._tell_unregistered(digest, index, self._last_ms)

    def _tell_unregistered(self, digest: bytes, index: int, since: int) -> None:
        detail = f"the certificate {digest.hex()[:16]} was not registered before"
        self._report(Break(BreakCode.REGISTRATION, index, "certificate", detail, since))

    def _follow_registers(self, report: PartReport) -> None:
        """What registers did, in order; where something could not be read, each is followed from its next shift on."""
        if report.blind:
            self._folds.clear()
        for device, happened in report.happened.items():
            fold = self._folds.get(device)
            if fold is None:
                fold = self._folds[device] = RegisterFold.new() if self._sees_all else RegisterFold()
            for one in happened:
                for code, index, detail in fold.take(one):
                    self._report(Break(code, index, f"device {device}", detail, self._last_ms))
        for device, (taxpayer, index) in report.taxpayers.items():
            opened = self._registrations.get(device)
            if opened is not None and opened.taxpayer != taxpayer:
                detail = f"registered for {opened.taxpayer}, signed for {taxpayer}"
                self._report(Break(BreakCode.BINDING, index, f"device {device}", detail, self._last_ms))

    @property
    def _sees_all(self) -> bool:
        return self._from_start and not self._doubts

    def _count(self, report: PartReport) -> None:
        for device, ranges in report.ordinals.items():
            self._ordinals[device], twice = merge_ranges(self._ordinals.get(device, []), ranges)
            for number in twice:
                detail = f"number {number} is booked twice"
                self._report(Break(BreakCode.DOUBLE, report.part.first, f"device {device}", detail, self._last_ms))
        for pair, (low, low_count, index, high, high_count) in report.counters.items():
            before = self._counters.get(pair)
            if before is not None and low > before[0] and low_count <= before[1]:
                detail = f"the counter of type {pair[1]} goes from {before[1]} to {low_count}"
                self._report(Break(BreakCode.COUNTER, index, f"device {pair[0]}", detail, self._last_ms))
            if before is None or high > before[0]:
                self._counters[pair] = (high, high_count)

    # --- the tree ----------------------------------------------------------------------------------------------

    def _grow(self, report: PartReport) -> None:
        if not self._tree_known:
            return
        for head in self._heads:
            if head.size in report.at:
                self._compare(head, self._edge.root(report.at[head.size]), report.last_ms)
        if not report.whole:
            self._tree_known = False
            return
        entries = report.part.entries
        for height in reversed(range(entries.bit_length())):
            if entries >> height & 1:
                place = (entries >> height + 1).bit_count()
                self._edge.add(report.nodes[place], height)

    def _compare(self, head: SeenHead, root: bytes, now_ms: int) -> None:
        self.compared += 1
        if root == head.root:
            self._agreed = (head.size, now_ms)
            return
        if head.kept or not self._contradicted:
            code = BreakCode.OLDER_HEAD if head.kept else BreakCode.ROOT
            detail = f"{head.source} signs another root; the heads agree up to {self._agreed[0]} entries"
            self._report(Break(code, head.size, f"tree of {head.size}", detail, self._agreed[1]))
        self._contradicted = self._contradicted or not head.kept

    def _judge_place(self, index: int, place: SettledPlace) -> None:
        """The device is one that chains its documents, and none of them stands where the entry says that it is lost."""
        self.tally["settled places"] += place.last - place.first + 1
        if self._sees_all and place.pair in self._ordinals and place.pair not in self._folds:
            detail = "its places are those of its arrivals, of which none can be lost"
            self._report(Break(BreakCode.PLACE, index, f"device {place.pair}", detail))
        for first, last in self._ordinals.get(place.pair, []):
            if first <= place.last and place.first <= last:
                detail = f"number {max(first, place.first)} is said to be lost, and its document is in the log"
                self._report(Break(BreakCode.PLACE, index, f"device {place.pair}", detail))
                return

    def end(self) -> None:
        """After the last part: which bodies are gone without an order, what the numbers of the devices still lack.

        A certificate of a device that is known by a later one is told of by the log a moment after it was issued.
        """
        for digest, (index, since) in self._unregistered.items():
            if digest not in self._certified:
                self._tell_unregistered(digest, index, since)
        for one_break in self.refunds.judge(whole=self._sees_all):
            self._report(one_break)
        for one in self._tombstones:
            if self._erased.get((one.ordered, one.place)) != one.body_hash:
                detail = f"erased by the order of entry {one.ordered}, which orders no such thing"
                self._report(Break(BreakCode.BODY_MISSING, one.place, "body", detail, self._last_ms))
        for index, place in self.settled:
            self._judge_place(index, place)
        self.tally["devices"] = len(self._ordinals)
        self.tally["numbers that have not arrived"] = sum(
            ranges[-1][1] - sum(last - first + 1 for first, last in ranges) for ranges in self._ordinals.values()
        )
