"""Choose and install the Python libraries that the Debian package contains.

The libraries are wheels, pinned by version and checksum in wheels.txt. pip can fetch wheels for
another processor and another Python than its own, so nothing has to run on the target. The tools
that build the daemon's own wheel are pinned in build-tools.txt. Nothing else is downloaded.

    python libraries.py lock                        # setup.cfg -> both lists, newest versions
    python libraries.py wheel FOLDER                # the daemon -> a wheel in FOLDER
    python libraries.py install 3.13 arm64 FOLDER WHEELS REPORT

`install` installs wheels.txt, and the daemon's wheel from the folder WHEELS, into FOLDER. It writes
to REPORT what pip has installed, for sbom.py.
"""

from __future__ import annotations

import configparser
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

WHEELS = Path(__file__).with_name("wheels.txt")
BUILD_TOOLS = Path(__file__).with_name("build-tools.txt")
SOURCE = next(folder for folder in WHEELS.parents if (folder / "setup.cfg").is_file())
PYTHONS = ("3.11", "3.13")  # Debian 12 and 13, and Raspberry Pi OS based on them
PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's name -> name in wheel tags
OLDEST_GLIBC = 36  # minor version of glibc 2.36 (Debian 12): wheels may need at most this
EXTRAS = ("music", "relay")
FROM_DEBIAN = ("systemd-python",)  # has no wheel, and must match the system's libsystemd

# Files that the daemon never loads; they are two thirds of the size.
LEFT_OUT = (
    "bin",
    "ai_edge_litert/aot",
    "ai_edge_litert/apply_plugin_main",
    "ai_edge_litert/libLiteRt.so",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
    "ai_edge_litert/tools",
    "ai_edge_litert/vendors",
    "numpy/_core/include",
    "numpy/f2py",
    "**/tests",
    "**/*.a",
    "**/*.pyi",
    "**/*.sh",
    "**/__pycache__",
)


def lock() -> None:
    """Write the newest wheels that fulfil setup.cfg, the same for all targets, and build tools."""
    targets = [platform(python, processor) for python in PYTHONS for processor in PROCESSORS]
    write(WHEELS, "the wheels of the Debian package", requirements(), targets)
    build_system = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))
    tools = ["pip", *build_system["build-system"]["requires"]]
    write(BUILD_TOOLS, "what builds the wheel of Auricle", tools, targets[:1])


def write(
    file: Path, content: str, wanted: Iterable[str], targets: Iterable[Iterable[str]]
) -> None:
    """Write a list of pinned wheels for pip."""
    checksums: dict[str, set[str]] = defaultdict(set)
    versions: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        for name, version, checksum in resolve(wanted, target):
            versions[name].add(version)
            checksums[name].add(checksum)
    lines = [f"# Written by `libraries.py lock`: {content}."]
    for name, chosen in sorted(versions.items()):
        if len(chosen) > 1:
            raise SystemExit(f"{name}: {sorted(chosen)} by target; bound it in setup.cfg")
        hashes = [f"    --hash=sha256:{checksum}" for checksum in sorted(checksums[name])]
        lines.append(" \\\n".join([f"{name}=={chosen.pop()}", *hashes]))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def resolve(wanted: Iterable[str], target: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and sha256 of each wheel that a target needs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = [f"--report={report}", f"--target={folder}/none"]
        pip("install", "--dry-run", *options, *target, *wanted)
        for wheel in json.loads(report.read_text(encoding="utf-8"))["install"]:
            about, archive = wheel["metadata"], wheel["download_info"]["archive_info"]
            yield about["name"].lower(), about["version"], archive["hashes"]["sha256"]


def requirements() -> list[str]:
    """Return what setup.cfg wants, but for what comes from Debian."""
    setup = configparser.ConfigParser()
    setup.read(SOURCE / "setup.cfg", encoding="utf-8")
    wanted = setup["options"]["install_requires"].split("\n")
    for extra in EXTRAS:
        wanted += setup["options.extras_require"][extra].split("\n")
    return [line for line in wanted if line and not line.startswith(FROM_DEBIAN)]


def build_wheel(folder: Path) -> None:
    """Build the daemon's wheel with the setuptools of this environment; download nothing."""
    pip("wheel", "--isolated", "--no-index", "--no-deps", "--no-build-isolation",
        "--check-build-dependencies", f"--wheel-dir={folder}", str(SOURCE))  # fmt: skip


def install(python: str, processor: str, folder: Path, wheels: Path, report: Path) -> None:
    """Install the libraries and the daemon for a target; its data goes to FOLDER/share."""
    pip("install", *platform(python, processor), "--no-deps", "--require-hashes",
        f"--target={folder}", f"--requirement={WHEELS}", f"--report={report}")  # fmt: skip
    for name in ("bin", "share"):  # `share` then holds only the daemon's data
        shutil.rmtree(folder / name, ignore_errors=True)
    # By its name: pip would store the path of a wheel, which differs between builds.
    pip("install", "--isolated", "--no-index", "--no-deps", f"--find-links={wheels}",
        f"--target={folder}", "auricle")  # fmt: skip
    for pattern in LEFT_OUT:
        for found in folder.glob(pattern):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    for record in folder.glob("*.dist-info/RECORD"):
        remove_missing(record)


def remove_missing(record: Path) -> None:
    """Remove files that are not in the package from the list of a wheel's files.

    Scripts are among them. They, and so their checksums, contain the path of the build.
    """
    with record.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    folder = record.parents[1]
    kept = [row for row in rows if ".." not in row[0] and (folder / row[0]).is_file()]
    with record.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(kept)


def platform(python: str, processor: str) -> list[str]:
    """Return the options that tell pip which target to install for."""
    machine = PROCESSORS[processor]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(OLDEST_GLIBC, 16, -1)]
    options = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    abis = (f"cp{python.replace('.', '')}", "abi3", "none")
    options += [f"--abi={abi}" for abi in abis]
    return [*options, f"--python-version={python}", "--implementation=cp", "--only-binary=:all:"]


def pip(command: str, *arguments: str) -> None:
    """Run a command of pip."""
    options = ["--quiet", "--disable-pip-version-check"]
    if command == "install":
        options += ["--no-compile", "--root-user-action=ignore"]
    subprocess.run([sys.executable, "-m", "pip", command, *options, *arguments], check=True)


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    match arguments:
        case ["lock"]:
            lock()
        case ["wheel", folder]:
            build_wheel(Path(folder))
        case ["install", python, processor, *paths] if processor in PROCESSORS and len(paths) == 3:
            install(python, processor, *map(Path, paths))
        case _:
            print(
                "usage: libraries.py lock | wheel FOLDER | "
                "install PYTHON PROCESSOR FOLDER WHEELS REPORT",
                file=sys.stderr,
            )
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
