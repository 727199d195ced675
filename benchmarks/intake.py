"""Claim: of all processor time that the authority spends on an audit package, most is its three RSA operations.

Everything counts: TLS and HTTP, unwrap, sequencer, worker, PostgreSQL. The packages are sealed beforehand, and the load
generator is not counted, though it shares the two cores.
"""

from __future__ import annotations

import random
import sys
import time
from base64 import b64decode
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from statistics import median, quantiles

import msgspec

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.claim import Claim, duration, per_second
from benchmarks.package_load import LoadResult, submit
from benchmarks.package_maker import Card, basket, sale, seal
from tallystick.authority.intake.unwrap import Opener
from tallystick.authority.intake.unwrap_messages import read_opened, write_package_request
from tallystick.crypto import legacy
from tallystick.crypto.envelope import open_internal_data
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PrivateKey, PublicKey, rsa_private
from tallystick.crypto.wrapped_keys import open_all
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.ops.authority_keys import WRAPPING, package_folder
from tallystick.ops.key_store import store_opener
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.audit_package import read_sealed

CARDS = 16
CONNECTIONS = 32
WARM_UP = 600
SHARE = 0.55
AIM = 0.7
LINES_MEAN = 9.4
OPENING = "tallystick_unwrap_processor_seconds_total"
_RSA_ROUNDS = 5
_RSA_CALLS = 40


def run(full: bool) -> Iterable[Claim]:
    """The share of RSA, and packages a second; ``full`` submits more.

    How long the private operations took is read off the unwrap process itself, under the same load as everything else:
    it counts the processor time of opening, and of that the part that is RSA is measured by doing both alternately.
    """
    packages = 24_000 if full else 5_000
    with running_authority(CARDS) as authority:
        bodies = sealed_packages(authority.cards, WARM_UP + packages)
        _submit(authority, bodies[:WARM_UP])
        before, opening_before = authority.processor_seconds(), authority.metric("unwrap", OPENING)
        result = _submit(authority, bodies[WARM_UP:])
        time.sleep(0.5)
        after, opening_after = authority.processor_seconds(), authority.metric("unwrap", OPENING)
        part = rsa_part_of_opening(_package_key(authority.country.state), bodies[:_RSA_CALLS])
    spent = {name: (after[name] - before[name]) / packages for name in after}
    yield from _claims(result, spent, part * (opening_after - opening_before) / packages, packages)


def _package_key(state: StateFolder) -> PrivateKey:
    """The key that the country's unwrap process holds."""
    store = store_opener(load_settings({}), state, only={KeyPurpose.WRAPPING})()
    try:
        (key, *_) = open_all(store, WRAPPING, package_folder(state.keys)).keys
    finally:
        store.close()
    return key


def _claims(result: LoadResult, spent: dict[str, float], rsa: float, packages: int) -> Iterable[Claim]:
    total = sum(spent.values())
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in spent.items())
    print(f"# a package: {parts}; of it RSA {duration(rsa)}", file=sys.stderr)
    everything_taken = result.accepted == packages
    if not everything_taken:
        print(f"# not accepted: {len(result.others)}, first {result.others[:3]}", file=sys.stderr)
    ratio = rsa / total
    yield Claim(
        "audit package end to end and durable: RSA's share of all processor time",
        duration(total),
        f"{duration(rsa)} (key, IV, internal data)",
        ratio,
        f">= {SHARE:g}, aim {AIM:g}",
        ratio >= SHARE and everything_taken,
    )
    rate = result.accepted / result.seconds
    limit = 2 / rsa
    p99 = quantiles(result.waits, n=100)[-1]
    yield Claim(
        f"audit packages accepted and durable, two cores, {CONNECTIONS} connections (p99 {duration(p99)})",
        per_second(rate, "packages"),
        per_second(limit, "packages") + " (RSA alone)",
        rate / limit,
        "none",
        everything_taken,
    )


def _submit(authority: RunningAuthority, bodies: list[bytes]) -> LoadResult:
    return submit(authority.port, authority.client_tls, authority.token, bodies, CONNECTIONS)


def sealed_packages(cards: list[Card], count: int) -> list[bytes]:
    """So many packages of baskets of a supermarket's size, in the order of each card; made on all cores."""
    at = system_clock()
    shares = [count // len(cards) + (number < count % len(cards)) for number in range(len(cards))]
    with ProcessPoolExecutor(2) as pool:
        made = list(
            pool.map(_seal_share, [(_Maker.of(card), share, at) for card, share in zip(cards, shares, strict=True)])
        )
    return [body for row in zip_longest_bodies(made) for body in row]


def zip_longest_bodies(made: list[list[bytes]]) -> Iterable[list[bytes]]:
    """One package of each card after the other."""
    for number in range(max(map(len, made))):
        yield [bodies[number] for bodies in made if number < len(bodies)]


class _Maker(msgspec.Struct):
    """A card in a form that goes to another process."""

    uid: str
    tin: str
    key: bytes
    encryption_key: bytes
    group: object
    categories: int

    @classmethod
    def of(cls, card: Card) -> _Maker:
        return cls(card.uid, card.tin, card.key.pkcs8, card.encryption_key.spki, card.group, card.categories)

    def card(self) -> Card:
        assert isinstance(self.group, TaxRateGroup)
        key, seal_for = PrivateKey.from_pkcs8(self.key), PublicKey.from_spki(self.encryption_key)
        return Card(self.uid, self.tin, key, seal_for, self.group, self.categories)


def _seal_share(work: tuple[_Maker, int, datetime]) -> list[bytes]:
    maker, count, at = work
    card, chance = maker.card(), random.Random(maker.uid)
    labels = tuple(sorted(card.group.labels()))
    bodies = []
    for number in range(count):
        lines = min(60, 1 + int(chance.expovariate(1 / (LINES_MEAN - 0.5))))
        request = sale(basket(lines, cents=chance.randrange(49, 1999), labels=labels))
        bodies.append(seal(card.plain(request, at + timedelta(milliseconds=number)), card.encryption_key))
    return bodies


def rsa_part_of_opening(key: PrivateKey, bodies: list[bytes]) -> float:
    """How much of the processor time of opening a package goes into its three private operations; a little below 1."""
    handle, opener = rsa_private(key), Opener(key)
    sealed = [read_sealed(body) for body in bodies]
    requests = [write_package_request(one) for one in sealed]
    plains = [read_opened(opener.answer(request)).plain for request in requests]
    internal = [b64decode(msgspec.json.decode(plain)["result"]["encryptedInternalData"]) for plain in plains]
    shares = []
    for _ in range(_RSA_ROUNDS):
        operations = opening = 0.0
        for one, request, inner in zip(sealed, requests, internal, strict=True):
            start = time.thread_time()
            legacy.unwrap(handle, one.key, legacy.AES_KEY_BYTES)
            legacy.unwrap(handle, one.iv, legacy.AES_BLOCK_BYTES)
            open_internal_data(inner, key)
            between = time.thread_time()
            opener.answer(request)
            operations += between - start
            opening += time.thread_time() - between
        shares.append(operations / opening)
    return min(1.0, median(shares))
