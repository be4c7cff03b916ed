"""The sources of the Debian package; tests/boot and tests/arm test the built package."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from auricle.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DEBIAN = ROOT / "packaging" / "debian"


@pytest.fixture
def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def names(requirements: str) -> set[str]:
    found = re.findall(r"^[\w.-]+", requirements, re.MULTILINE)
    return {name.lower().replace("_", "-") for name in found}


def test_every_library_that_the_daemon_needs_is_in_the_package(
    setup: configparser.ConfigParser,
) -> None:
    needed = names(setup["options"]["install_requires"])
    for extra in ("music", "relay"):
        needed |= names(setup["options.extras_require"][extra])
    brought = names((DEBIAN / "wheels.txt").read_text(encoding="utf-8"))
    assert needed - {"systemd-python"} <= brought, "run packaging/debian/libraries.py lock"
    assert "python3-systemd," in (DEBIAN / "control").read_text(encoding="utf-8")


def test_nothing_is_downloaded_without_a_checksum() -> None:
    for name in ("wheels.txt", "build-tools.txt"):
        lines = (DEBIAN / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
        for line in lines:
            assert line.startswith("#") or re.fullmatch(
                r"[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+ *", line
            ), line
    rules = (DEBIAN / "rules").read_text(encoding="utf-8")
    assert rules.count("pip install") == 1
    assert "pip install --quiet --disable-pip-version-check \\\n" in rules
    assert "--only-binary=:all: --require-hashes\n" in rules
    script = ast.parse((DEBIAN / "libraries.py").read_text(encoding="utf-8"))
    calls = [ast.unparse(node) for node in ast.walk(script) if isinstance(node, ast.Call)]
    commands = [call for call in calls if call.startswith("pip(")]
    assert len(commands) == 4
    for command in commands:
        assert re.search("--dry-run|--require-hashes|--no-index", command), command


def test_build_tools_fulfil_the_build_system(setup: configparser.ConfigParser) -> None:
    build_system = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = names("\n".join(build_system["build-system"]["requires"])) | {"pip"}
    assert names((DEBIAN / "build-tools.txt").read_text(encoding="utf-8")) >= needed


def test_package_depends_on_the_programs_and_files_of_its_units() -> None:
    control = (DEBIAN / "control").read_text(encoding="utf-8")
    (depends,) = re.findall(r"^Depends: (.*?)^Recommends:", control, re.DOTALL | re.MULTILINE)
    packages = set(re.findall(r"[a-z][\w.+-]+", depends))
    # The system's certificate authorities, for the relay, and kill, for `systemctl reload`.
    assert {"ca-certificates", "procps"} <= packages


def test_package_has_the_version_of_the_daemon(setup: configparser.ConfigParser) -> None:
    first = (DEBIAN / "changelog").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"auricle ({setup['metadata']['version']}) ")


def test_libraries_match_the_pythons_of_the_dependencies() -> None:
    control = (DEBIAN / "control").read_text(encoding="utf-8")
    rules = (DEBIAN / "rules").read_text(encoding="utf-8")
    assert "PYTHONS := 3.11 3.13\n" in rules
    wanted = "python3 (>= 3.11~), python3 (<< 3.14~), python3 (<< 3.12~) | python3 (>= 3.13~)"
    assert wanted in control


def test_data_files_are_in_the_package() -> None:
    lines = (DEBIAN / "install").read_text(encoding="utf-8").splitlines()
    patterns = [line.split()[0] for line in lines]
    installed = {file for pattern in patterns for file in ROOT.glob(pattern)}
    for folder in ("dbus", "polkit", "systemd", "sysusers.d", "tmpfiles.d", "udev"):
        for file in (ROOT / "packaging" / folder).rglob("*"):
            assert file.is_dir() or file in installed or file.parent in installed, file


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the completions."""
    folder = tmp_path_factory.mktemp("share")
    tool = ROOT / "tools" / "completions.py"
    subprocess.run([sys.executable, str(tool), str(folder)], check=True)
    return folder


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["con"], {"context", "config"}),
        (["context", "se"], {"set"}),
        (["--json", "privacy", "l"], {"local", "lattice", "log"}),
        (["transcribe", "--no"], {"--no-endpoint"}),
        (["transcribe", "--format", ""], {"txt", "srt", "vtt", "json"}),
        (["transcribe", "--format", "=", "v"], {"vtt"}),
        (["transcribe", "--second-pass", "r"], {"rescore"}),
        (["transcribe", "--nbest", ""], set()),
        (["transcribe", "--json", ""], {"music", "one.wav"}),
        (["transcribe", "--config", "o"], {"one.wav"}),
        (["transcribe", "one.wav", "--nbest", "3", ""], {"music", "one.wav"}),
        (["transcribe", "--output", ""], {"music"}),
        (["status", "--bus", ""], {"session", "system"}),
        (["context", "set", ""], {"contacts", "appliances", "media"}),
        (["context", "set", "--source", "contacts", "m"], {"media"}),
        (["context", "set", "contacts", ""], {"music", "one.wav"}),
        (["config", "check", "o"], {"one.wav"}),
        (["detect", "--wake-word", ""], {"alexa", "okay_nabu"}),
        (["status", ""], set()),
    ],
)
def test_bash_completes_commands(
    share: Path, tmp_path: Path, typed: list[str], offered: set[str]
) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "one.wav").touch()
    models = tmp_path / "music" / "models"
    models.mkdir()
    for name in ("alexa", "okay_nabu"):
        (models / f"{name}.json").touch()
    script = tmp_path / "music" / "completion"
    text = (share / "bash-completion" / "completions" / "auricle").read_text(encoding="utf-8")
    script.write_text(text.replace("/usr/share/auricle/models/wake", str(models)), "utf-8")
    words = " ".join(f"'{word}'" for word in typed)
    program = f"source {script}; COMP_WORDS=(auricle {words}); COMP_CWORD={len(typed)}; _auricle;"
    done = subprocess.run(
        ["bash", "-c", f'{program} printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert set(done.stdout.split()) == offered
    assert done.stderr == ""


def test_bash_offers_devices_and_never_runs_their_names(share: Path, tmp_path: Path) -> None:
    command = tmp_path / "auricle"
    command.write_text("#!/bin/sh\necho 'USB $(touch ran) mic'\necho Webcam\n", encoding="utf-8")
    command.chmod(0o755)
    script = share / "bash-completion" / "completions" / "auricle"
    program = (
        f"PATH={tmp_path}:$PATH; source {script}; COMP_WORDS=(auricle test-mic --device U); "
        'COMP_CWORD=3; _auricle; eval "printf %s ${COMPREPLY[*]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "USB $(touch ran) mic"
    assert not (tmp_path / "ran").exists()


def test_zsh_completes_every_command(share: Path) -> None:
    zsh = (share / "zsh" / "vendor-completions" / "_auricle").read_text(encoding="utf-8")
    assert all(f"'{command.name}:" in zsh for command in COMMANDS)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_offers_whole_names_of_devices(share: Path) -> None:
    text = (share / "zsh" / "vendor-completions" / "_auricle").read_text(encoding="utf-8")
    (statement,) = re.findall(r"device\) (.*--names.*) ;;", text)
    # _describe ends a word at a colon that is not escaped.
    program = f"auricle() {{ print 'USB: Audio (hw:1,0)' }}; {statement}; print -r -- $described"
    done = subprocess.run(["zsh", "-fc", program], capture_output=True, text=True, check=True)
    assert done.stdout == "USB\\: Audio (hw\\:1,0)\n"
