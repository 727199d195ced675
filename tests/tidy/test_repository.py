"""What must never be in the repository: secrets, one machine's paths, addresses of package indexes, large files."""

import re

from sources import name_of, repository_files

LARGEST_FILE_BYTES = 1_000_000
FEWEST_REQUIREMENT_FILES = 6
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{100,}")
# Homes and work folders of people and machines. Put together here, so that this file does not find itself.
MACHINE_PATH = re.compile(
    rb"(?<![\w.}$-])/(?:" + b"|".join([b"ro" + b"ot", b"wo" + b"rk", b"ho" + b"me/[a-z]+"]) + rb")/\w"
)
INDEX_HOSTS = [first + second for first, second in (
    (b"pypi.", b"org"), (b"pythonhosted", b".org"), (b"registry.npm", b"js.org"), (b"deb.debian", b".org"),
)]  # fmt: skip


def test_no_file_is_large() -> None:
    sizes = {name_of(file): file.stat().st_size for file in repository_files()}
    assert not {name: size for name, size in sizes.items() if size > LARGEST_FILE_BYTES}


def test_no_file_holds_a_private_key() -> None:
    assert not [name_of(file) for file in repository_files() if PRIVATE_KEY.search(file.read_bytes())]


def test_no_file_names_a_place_of_one_machine() -> None:
    found = {name_of(file): MACHINE_PATH.search(file.read_bytes()) for file in repository_files()}
    assert not {name: match for name, match in found.items() if match}


def test_no_file_names_a_package_index() -> None:
    files = repository_files()
    assert not [(name_of(file), host) for file in files for host in INDEX_HOSTS if host in file.read_bytes()]


def test_requirements_are_pinned_by_hash_and_hold_no_address() -> None:
    pinned = [file for file in repository_files() if file.parent.name == "requirements" and file.suffix == ".txt"]
    assert len(pinned) >= FEWEST_REQUIREMENT_FILES
    for file in pinned:
        text = file.read_text(encoding="utf-8")
        assert "://" not in text
        for requirement in re.split(r"\n(?=\w)", text.strip()):
            assert re.match(r"[\w.-]+==\S+", requirement), requirement
            assert "--hash=sha256:" in requirement, requirement
