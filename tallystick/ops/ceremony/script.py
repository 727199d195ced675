"""The steps of a ceremony in their order, and what is said at each: what people do, and what they look at."""

from __future__ import annotations

import attrs

from tallystick.kernel.faults import Fault


@attrs.frozen(slots=True)
class Step:
    """One step: its name in the record, its title, and what is read out."""

    name: str
    title: str
    said: str


STEPS = (
    Step(
        "people",
        "Who is here",
        "The conductor leads, at least two observers tick each step, each custodian takes one share. "
        "Nobody has two of these parts.",
    ),
    Step(
        "place",
        "Where and with what",
        "A closed room, a machine without network, a camera on the screen's back and the hands, never on the words. "
        "Observers compare version and host with the invitation.",
    ),
    Step(
        "shares",
        "The secret and its shares",
        "The machine draws a secret of 256 bits. Each custodian comes alone, writes the words on paper, types three of "
        "them back, and puts the paper into a numbered envelope. The secret is shown to nobody.",
    ),
    Step(
        "proof",
        "The shares work",
        "Before a key is made, a quorum types its shares. What comes out must be the secret.",
    ),
    Step(
        "store",
        "The store takes the secret",
        "The secret becomes the passphrase of the software store, or the user PIN of the token. The store is empty.",
    ),
    Step(
        "keys",
        "The keys",
        "Root, issuing authorities, the log's key, the proof key, the wrapping key, and the package key wrapped by it.",
    ),
    Step(
        "certificates",
        "The certificates",
        "The root signs itself and the issuing authorities. Each was linted before and is verified after.",
    ),
    Step(
        "trial",
        "Each key signs once",
        "Every key signs a text that says so, and the signature is checked with the public key in the record.",
    ),
    Step(
        "end",
        "The end",
        "Observers read the fingerprints aloud from the screen and compare them with the record. Custodians leave with "
        "their envelopes, the store is locked away.",
    ),
)
NAMES = tuple(step.name for step in STEPS)

ROOT_STEPS = (
    Step(
        "people",
        "Who is here",
        "The conductor leads, at least two observers tick each step. The custodians are those of the first ceremony; "
        "a quorum of them is here with its envelopes.",
    ),
    STEPS[1],
    Step(
        "task",
        "What the root is asked for",
        "Which authorities are made and which ones the root revokes is read aloud and compared with the written order.",
    ),
    Step(
        "proof",
        "The secret",
        "A quorum types its shares. What comes out must be the secret of the first ceremony; it opens the store.",
    ),
    Step("keys", "The keys", "Each new authority gets a key of its own, made in the store."),
    Step(
        "certificates",
        "The certificates",
        "The root certifies each new authority. Each was linted before and is verified after.",
    ),
    Step(
        "list",
        "The root's list",
        "The root signs its next list: what it revoked before, and what the order says.",
    ),
    Step("trial", "Each new key signs once", "It signs a text that says so, and the signature is checked."),
    Step(
        "end",
        "The end",
        "Observers read the fingerprints aloud from the screen and compare them with the record. Custodians put their "
        "shares into new envelopes, the store is locked away.",
    ),
)
"""What the root does later: it comes out of its safe for an hour."""


def require_next(done: tuple[str, ...], wanted: str, steps: tuple[Step, ...] = STEPS) -> Step:
    """The step that is wanted, when it is the one that is due; raises ``TS-3012`` naming the one that is."""
    names = tuple(step.name for step in steps)
    if done != names[: len(done)]:
        raise Fault("TS-3012", detail="the record holds steps in another order than the script")
    due = names[len(done)] if len(done) < len(names) else "none"
    if wanted != due:
        raise Fault("TS-3012", detail=f"the step that is due is {due}, not {wanted}")
    return steps[len(done)]
