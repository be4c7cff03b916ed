"""Choose and install the Python libraries that the Debian package contains.

The libraries are wheels, pinned by version and checksum in wheels.txt. pip can fetch wheels for
another processor and another Python than its own, so nothing has to run on the target.

    python libraries.py lock                        # setup.cfg -> wheels.txt, newest versions
    python libraries.py install 3.13 arm64 FOLDER   # wheels.txt and the daemon -> FOLDER
"""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

WHEELS = Path(__file__).with_name("wheels.txt")
SOURCE = next(folder for folder in WHEELS.parents if (folder / "setup.cfg").is_file())
PYTHONS = ("3.11", "3.13")  # Debian 12 and 13, and Raspberry Pi OS based on them
PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's name -> name in wheel tags
OLDEST_GLIBC = 36  # minor version of glibc 2.36 (Debian 12): wheels may need at most this
EXTRAS = ("music", "relay")
FROM_DEBIAN = ("systemd-python",)  # has no wheel, and must match the system's libsystemd

# Files that the daemon never loads; they are two thirds of the size.
LEFT_OUT = (
    "bin",
    "auricle-*.dist-info/direct_url.json",
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
    """Write to wheels.txt the newest wheels that fulfil setup.cfg, the same for all targets."""
    checksums: dict[str, set[str]] = defaultdict(set)
    versions: dict[str, set[str]] = defaultdict(set)
    for python in PYTHONS:
        for processor in PROCESSORS:
            for name, version, checksum in resolve(python, processor):
                versions[name].add(version)
                checksums[name].add(checksum)
    lines = ["# Written by libraries.py from setup.cfg: the wheels of the Debian package."]
    for name, chosen in sorted(versions.items()):
        if len(chosen) > 1:
            raise SystemExit(f"{name}: {sorted(chosen)} by target; bound it in setup.cfg")
        hashes = [f"    --hash=sha256:{checksum}" for checksum in sorted(checksums[name])]
        lines.append(" \\\n".join([f"{name}=={chosen.pop()}", *hashes]))
    WHEELS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def resolve(python: str, processor: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and sha256 of each wheel that a target needs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        choice = ["--dry-run", f"--report={report}", f"--target={folder}/none", *requirements()]
        pip(*platform(python, processor), *choice)
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


def install(python: str, processor: str, folder: Path) -> None:
    """Install the libraries and the daemon for a target; its data goes to FOLDER/share."""
    pip(*platform(python, processor), "--no-deps", "--require-hashes",
        f"--target={folder}", f"--requirement={WHEELS}")  # fmt: skip
    for name in ("bin", "share"):  # `share` then holds only the daemon's data
        shutil.rmtree(folder / name, ignore_errors=True)
    pip("--no-deps", f"--target={folder}", str(SOURCE))
    for pattern in LEFT_OUT:
        for found in folder.glob(pattern):
            shutil.rmtree(found) if found.is_dir() else found.unlink()


def platform(python: str, processor: str) -> list[str]:
    """Return the options that tell pip which target to install for."""
    machine = PROCESSORS[processor]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(OLDEST_GLIBC, 16, -1)]
    options = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    abis = (f"cp{python.replace('.', '')}", "abi3", "none")
    options += [f"--abi={abi}" for abi in abis]
    return [*options, f"--python-version={python}", "--implementation=cp", "--only-binary=:all:"]


def pip(*arguments: str) -> None:
    """Run `pip install`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*command, "--root-user-action=ignore", *arguments], check=True)


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    match arguments:
        case ["lock"]:
            lock()
        case ["install", python, processor, folder] if processor in PROCESSORS:
            install(python, processor, Path(folder))
        case _:
            print("usage: libraries.py lock | install PYTHON PROCESSOR FOLDER", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
