"""The settings themselves: name, kind, default and meaning of each. How they are read stands in `settings`."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings. A port of 0 asks for any free one; a taken port gives way to the next free one, and is printed."""

    state: Annotated[
        str,
        Meta(
            description="Folder of everything that is kept. Empty: /var/lib/tallystick for root, "
            "else tallystick in the XDG state folder."
        ),
    ] = ""
    database_url: Annotated[
        str,
        Meta(
            description="Connection string of a PostgreSQL server that exists, as the owner role. "
            "Empty: the embedded server."
        ),
    ] = ""
    country: Annotated[str, Meta(description="Code of the country pack to run.", pattern=r"^[A-Z]{2}$")] = "AQ"
    timing: Annotated[
        Literal["production", "demo"],
        Meta(description="Pace of audits and proofs: that of a country, or one that a person can watch."),
    ] = "production"
    host: Annotated[str, Meta(description="Address on which devices and the portal are served.")] = "127.0.0.1"
    public_host: Annotated[
        str, Meta(description="Address of the public listener, where buyers verify their receipts.")
    ] = "127.0.0.1"
    public_proxies: Annotated[
        str,
        Meta(
            description="Addresses of our own proxies before the public listener, with blanks or commas between. What "
            "they say in `X-Forwarded-For` names the visitor, for the limits on unknown codes and timestamps."
        ),
    ] = ""
    operator: Annotated[
        str, Meta(description="Host name of the operator, in problem addresses and in the name of the log.")
    ] = "fdo.example"
    device_api_url: Annotated[
        str, Meta(description="Address of the device API as cards and the environment document carry it.")
    ] = "https://127.0.0.1:8443/"
    public_url: Annotated[str, Meta(description="Address of the public pages as verification codes carry it.")] = (
        "http://127.0.0.1:8440/"
    )
    portal_url: Annotated[str, Meta(description="Address of the portals as the environment document carries it.")] = (
        "http://127.0.0.1:8450/"
    )
    ntp_server: Annotated[
        str, Meta(description="Time server that devices are told to use. Empty: the host of the public pages.")
    ] = ""
    device_api_port: Annotated[Port, Meta(description="First port to try for the device API (TLS).")] = 8443
    public_port: Annotated[Port, Meta(description="First port to try for verification, checkpoint and proofs.")] = 8440
    portal_port: Annotated[Port, Meta(description="First port to try for the operator's pages.")] = 8450
    pos_port: Annotated[Port, Meta(description="First port to try for the POS API of an E-SDC.")] = 8888
    pos_origins: Annotated[
        str,
        Meta(
            description="Origins of web POS whose pages may use the POS API from a browser, separated by commas, for "
            "example `https://pos.example`. Every other page is refused (9030)."
        ),
    ] = ""
    pos_hosts: Annotated[
        str,
        Meta(
            description="Public names under which POS reach an E-SDC, separated by commas; addresses, names of one "
            "label and local ones such as `till.local` need none. Every other name is refused (9031)."
        ),
    ] = ""
    pos_accreditation: Annotated[
        Literal["pack", "required", "open"],
        Meta(description="Whether only accredited POS may sell (S2-146): as the country pack says, always, or never."),
    ] = "pack"
    pos_accredited: Annotated[
        str,
        Meta(
            description="Accreditation numbers of POS that may sell where accreditation is required, separated by "
            "commas: `IB/version`, or `IB` for every version."
        ),
    ] = ""
    pos_keys: Annotated[
        str,
        Meta(
            description="File of the keys by which accredited POS may show themselves in the header `Api-Key`: a line "
            "`name:SHA-256 of the key in hex` each. Empty: none."
        ),
    ] = ""
    pos_older_dialect: Annotated[
        bool,
        Meta(
            description="Take requests wrapped in `invoiceRequest` and paths without a version, as clients of one "
            "other E-SDC send them."
        ),
    ] = False
    build_manifest: Annotated[
        str,
        Meta(
            description="Signed manifest of this program, which an E-SDC compares with its own files before it starts "
            "and names to its authority (`tallystick build manifest`). Empty: it proves no build."
        ),
    ] = ""
    card_reader: Annotated[
        str,
        Meta(
            description="PC/SC reader of `tallystick esdc run`: its name, or a part that only one reader's name has. "
            "Empty: the virtual card of `--card`."
        ),
    ] = ""
    pkcs11_module: Annotated[
        str, Meta(description="PKCS#11 module (a shared library) of the card's PKI applet, for the token call.")
    ] = ""
    pkcs11_uri: Annotated[
        str,
        Meta(
            description="Where client certificate and key lie on the token: `pkcs11:token=...;object=...`, without "
            "PIN. Empty: the files beside a virtual card."
        ),
    ] = ""
    pkcs11_pin_file: Annotated[
        str, Meta(description="File of mode 0600 with the PIN of the PKI applet, read at each token call.")
    ] = ""
    pkcs11_tls: Annotated[
        Literal["1.2", "1.3"],
        Meta(description="Highest TLS version of the token call; 1.2 for a card that signs by PKCS#1 v1.5 only."),
    ] = "1.3"
    face_host: Annotated[
        str,
        Meta(
            description="Address of the page for whoever stands at an E-SDC. Leave it on loopback: "
            "PINs travel on it without encryption."
        ),
    ] = "127.0.0.1"
    face_port: Annotated[Port, Meta(description="First port to try for the page of an E-SDC.")] = 8880
    health_port: Annotated[
        Port, Meta(description="First port to try for health, readiness and metrics; always on loopback.")
    ] = 9440
    vsdc_port: Annotated[Port, Meta(description="First port to try for the hosted signer (V-SDC, TLS).")] = 8446
    vsdc_url: Annotated[
        str, Meta(description="Address of the hosted signer as POS certificates and the environment document carry it.")
    ] = "https://127.0.0.1:8446/"
    vsdc_processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes of this machine serve the hosted signer at one address, each with a core "
            "to itself. Start `tallystick authority vsdc --number N` for each.",
        ),
    ] = 1
    vsdc_older_interface: Annotated[
        bool, Meta(description="Offer the second version of the hosted signer's interface as well.")
    ] = False
    vsdc_mrc: Annotated[
        str, Meta(description="Manufacturer registration code that invoices of the hosted signer carry.")
    ] = "02-0001-TALLYSTICK-VSDC"
    demo_vsdc: Annotated[
        bool, Meta(description="Whether a demonstration starts the hosted signer, with one POS certificate to try.")
    ] = True
    ecr_port: Annotated[
        Port, Meta(description="First port to try for the national online channel: registers and ERP systems (TLS).")
    ] = 8448
    ecr_processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes of this machine serve the national online channel at one address, each "
            "with a core to itself. Start `tallystick authority ecr --number N` for each.",
        ),
    ] = 1
    pki_port: Annotated[
        Port, Meta(description="First port to try for revocation lists, OCSP and issuers (plain HTTP).")
    ] = 8441
    pki_url: Annotated[str, Meta(description="Address of the same as certificates carry it; always plain HTTP.")] = (
        "http://127.0.0.1:8441/"
    )
    tsa_day_most: Annotated[
        int,
        Meta(ge=1, description="How many timestamps are made in a UTC day at most; each leaves a row for good."),
    ] = 100_000
    est_port: Annotated[Port, Meta(description="First port to try for the enrolment of devices (EST, TLS).")] = 8447
    est_url: Annotated[
        str,
        Meta(
            description="Address of the enrolment of devices as registers are told it, with `/.well-known/est/`. "
            "Empty: this host and the port at which it is served."
        ),
    ] = ""
    key_store: Annotated[
        Literal["files", "pkcs11"],
        Meta(
            description="Where the authority's keys lie: sealed files in the state folder, or a token behind PKCS#11."
        ),
    ] = "files"
    key_store_secret_file: Annotated[
        str,
        Meta(
            description="File (mode 0600) whose first line is the passphrase of the sealed files, or the PIN of the "
            "token; `/dev/fd/N` takes it from a descriptor. Empty: `key-store-secret` in the folder of keys, made at "
            "first use (sealed files only)."
        ),
    ] = ""
    hsm_module: Annotated[str, Meta(description="The token's PKCS#11 module, a shared library.")] = ""
    hsm_token: Annotated[str, Meta(description="Label of the token that holds the keys.")] = ""
    key_processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes hold the authority's keys: one serves, the next ones when it is away. "
            "Start `tallystick authority keys --number N` for each.",
        ),
    ] = 1
    unwrap_processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes open sealed packages, each with a core to itself; 1,000 packages a second "
            "each, or more. Start `tallystick authority unwrap --number N` for each.",
        ),
    ] = 1
    media: Annotated[
        str,
        Meta(
            description="Folders that are removable media for `tallystick esdc run` while they are there, separated by "
            "a colon; a pattern such as `/media/*` means each folder that appears there. Empty: none is looked for."
        ),
    ] = ""
    log_level: Annotated[
        Literal["card", "debug", "info", "warning", "error"],
        Meta(description="Least level that is logged; `card` adds the traffic with the secure element, without PINs."),
    ] = "info"
    log_format: Annotated[Literal["json", "text"], Meta(description="One JSON object a line, or text for people.")] = (
        "json"
    )
    mirror: Annotated[
        str,
        Meta(description="Folder of the ledger's mirror file, on another disk. Empty: in the state folder."),
    ] = ""
    single_disk_accepted: Annotated[
        bool, Meta(description="Serve although the mirror lies on the disk of the database.")
    ] = False
    module_reports: Annotated[
        str,
        Meta(
            description="Where the tax service is told of each fiscal module: an https address that takes POST, or a "
            "folder for files. Empty: `production/reports` in the demo's folder."
        ),
    ] = ""
    tax_service_url: Annotated[
        str,
        Meta(
            description="Address of the tax authority's own system, to which each document goes on: https, or http on "
            "this machine. Empty: nothing is sent, and documents wait."
        ),
    ] = ""
    tax_service_seconds: Annotated[
        int, Meta(ge=1, le=120, description="How long one document may take to be answered by the tax service.")
    ] = 10
    tax_service_in_flight: Annotated[
        int, Meta(ge=1, le=256, description="How many documents may be under way to the tax service at once.")
    ] = 16
    tax_service_roots: Annotated[
        str,
        Meta(description="PEM file of the authorities that may certify the tax service. Empty: those of the system."),
    ] = ""
    tax_service_certificate: Annotated[
        str,
        Meta(description="PEM file with certificate chain and key that are shown to the tax service. Empty: none."),
    ] = ""
    tax_queue_port: Annotated[
        Port, Meta(description="First port to try for the figures of the queue to the tax service; always on loopback.")
    ] = 9430
    failure_budget: Annotated[
        bool,
        Meta(
            description="Stop a device for a while whose packages could not be accepted 20 times in an hour, or a "
            "taxpayer 60 times in a day. Off only in a sandbox, where makers of devices learn by failing."
        ),
    ] = True

    proof_strategy: Annotated[
        Literal["every", "trusted"],
        Meta(
            description="When a proof of audit is given once every document is here and the sums agree: `every` waits "
            "for the pause after the last arrival; `trusted` gives it at once to a taxpayer whose sums never "
            "contradicted, up to `proof_at_once_up_to`."
        ),
    ] = "every"
    proof_at_once_up_to: Annotated[
        int,
        Meta(
            ge=0,
            le=10**12,
            description="Highest unaudited sum that `trusted` proves at once, in whole units of the "
            "country's currency.",
        ),
    ] = 10_000

    detectors: Annotated[
        str,
        Meta(
            description="Detectors whose findings open cases, with blanks between: `D-MAN` manipulation, `D-DEL` "
            "deletion, `D-UND` under-reporting. One that is left out is off and goes on later where it stopped."
        ),
    ] = "D-MAN D-DEL D-UND"

    witness_seconds: Annotated[
        int,
        Meta(ge=1, le=600, description="Seconds between two rounds in which witnesses are asked to cosign the ledger."),
    ] = 10
    witness_urls: Annotated[
        str,
        Meta(
            description="Where witnesses are reached, in place of what their policy says: `name=address`, separated by "
            "commas."
        ),
    ] = ""
    witness_stop_minutes: Annotated[
        int,
        Meta(
            ge=0,
            le=10_080,
            description="Minutes for which the quorum of witnesses may be missing before intake stops (TS-5010). 0: it "
            "never stops for that.",
        ),
    ] = 0
    demo_witnesses: Annotated[
        int, Meta(ge=0, le=5, description="How many witnesses a demonstration starts, each a process of its own.")
    ] = 3

    @property
    def log_origin(self) -> str:
        """The name under which the ledger signs its checkpoints: operator, country, environment."""
        return f"{self.operator}/{self.country.lower()}/{self.timing}"
