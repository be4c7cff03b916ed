"""The systemd units are valid, and the system unit is a tight sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auricle.bus import privacy1
from auricle.config.locations import SYSTEM_CONFIG
from testbed.virtual_microphone import VirtualMicrophone

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
SYSTEM_UNIT = PACKAGING / "systemd" / "auricle.service"
USER_UNIT = PACKAGING / "systemd" / "user" / "auricle.service"
SYSTEM_RELAY = PACKAGING / "systemd" / "auricle-relay.service"
USER_RELAY = PACKAGING / "systemd" / "user" / "auricle-relay.service"
SYSTEM_ACTIONS = PACKAGING / "systemd" / "auricle-actions.service"
USER_ACTIONS = PACKAGING / "systemd" / "user" / "auricle-actions.service"
SYSTEM_FEEDBACK = PACKAGING / "systemd" / "auricle-feedback.service"
USER_FEEDBACK = PACKAGING / "systemd" / "user" / "auricle-feedback.service"
RELAYS = (SYSTEM_RELAY, USER_RELAY)


def directives(unit: Path) -> list[tuple[str, str]]:
    """Return the `Name=value` lines of a unit in their order."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [
        (name, value)
        for name, separator, value in (line.partition("=") for line in lines if line[:1] != "#")
        if separator
    ]


def exposure(unit: Path) -> float:
    """Return the exposure level that systemd assigns to a unit, 0 to 10."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(rf"Overall exposure level for {unit.name}: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


@pytest.mark.parametrize(
    ("unit", "most"),
    [(SYSTEM_UNIT, 1.0), (SYSTEM_RELAY, 1.2), (SYSTEM_ACTIONS, 1.2), (SYSTEM_FEEDBACK, 1.2)],
)
def test_the_exposure_of_the_system_units_is_small(
    unit: Path, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    found = exposure(unit)
    with capsys.disabled():
        print(f"\nsystemd-analyze security: {unit.name}: {found}")
    assert found <= most


def test_exposure_stays_small_with_access_to_an_led(tmp_path: Path) -> None:
    unit = tmp_path / SYSTEM_UNIT.name
    drop_in = (PACKAGING / "led" / "led.conf").read_text(encoding="utf-8")
    text = SYSTEM_UNIT.read_text(encoding="utf-8")
    unit.write_text(f"{text}\n{drop_in.replace('NAME', 'led0')}", encoding="utf-8")
    assert exposure(unit) <= 1.0


def test_system_unit_reads_only_the_system_configuration() -> None:
    command = dict(directives(SYSTEM_UNIT))["ExecStart"].split()
    assert command[1:] == ["run", "--config", str(SYSTEM_CONFIG)]


@pytest.mark.parametrize(
    ("unit", "scope"),
    [
        (SYSTEM_UNIT, "--system"),
        (USER_UNIT, "--user"),
        (SYSTEM_ACTIONS, "--system"),
        (USER_ACTIONS, "--user"),
        (SYSTEM_FEEDBACK, "--system"),
        (USER_FEEDBACK, "--user"),
        (SYSTEM_RELAY, "--system"),
        (USER_RELAY, "--user"),
        (PACKAGING / "systemd" / "auricle.slice", "--system"),
    ],
)
def test_systemd_accepts_the_unit(
    unit: Path, scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not installed here, so systemd would report a missing command.
    for each in (unit, *unit.parent.glob("auricle.service")):  # a unit may require the daemon's
        text = each.read_text(encoding="utf-8").replace("/usr/bin/auricle ", "/bin/true ")
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    copy = tmp_path / unit.name
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = subprocess.run(
        ["systemd-analyze", "verify", scope, "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    "unit", [SYSTEM_UNIT, USER_UNIT, SYSTEM_ACTIONS, USER_ACTIONS, SYSTEM_FEEDBACK, USER_FEEDBACK]
)
def test_the_daemon_has_no_network_and_no_executable_memory(unit: Path) -> None:
    promised = {
        ("PrivateNetwork", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX"),
        ("MemoryDenyWriteExecute", "yes"),
        ("NoNewPrivileges", "yes"),
    }
    assert promised <= set(directives(unit))


@pytest.mark.parametrize("unit", [SYSTEM_UNIT, USER_UNIT], ids=["system", "user"])
def test_daemon_notifies_systemd_and_has_a_watchdog(unit: Path) -> None:
    settings = dict(directives(unit))
    assert settings["Type"] == "notify"
    assert settings["BusName"] == "org.auricle.Assistant1"
    assert settings["WatchdogSec"] == "15s"


@pytest.mark.parametrize("unit", [SYSTEM_UNIT, USER_UNIT], ids=["system", "user"])
def test_a_reload_checks_the_configuration_of_the_daemon_before_the_daemon_reads_it(
    unit: Path,
) -> None:
    check, hang_up = (value for name, value in directives(unit) if name == "ExecReload")
    program, *arguments = dict(directives(unit))["ExecStart"].split()
    file = arguments[arguments.index("--config") + 1] if "--config" in arguments else ""
    assert check == f"{program} config check {file}".rstrip()
    assert hang_up == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("unit", [SYSTEM_UNIT, USER_UNIT], ids=["system", "user"])
def test_other_users_cannot_read_the_state_of_the_daemon(unit: Path) -> None:
    settings = dict(directives(unit))
    kept = (settings["StateDirectory"], settings["StateDirectoryMode"], settings["UMask"])
    assert kept == ("auricle", "0700", "0077")


@pytest.mark.parametrize("unit", RELAYS, ids=["system", "user"])
def test_relay_has_access_to_neither_audio_nor_state(unit: Path) -> None:
    settings = dict(directives(unit))
    assert settings["PrivateDevices"] == "yes"
    assert settings["RestrictAddressFamilies"] == "AF_UNIX AF_INET AF_INET6"
    assert "SupplementaryGroups" not in settings
    assert "StateDirectory" not in settings
    hidden = settings["InaccessiblePaths"]
    assert "pulse" in hidden
    assert ("/var/lib/auricle" if unit is SYSTEM_RELAY else "%S/auricle") in hidden


@pytest.mark.parametrize(
    "unit", [USER_RELAY, USER_ACTIONS, USER_FEEDBACK], ids=lambda unit: unit.stem
)
def test_user_services_hide_the_state_but_not_the_configuration_beside_it(unit: Path) -> None:
    hidden = [path for key, value in directives(unit) if key == "InaccessiblePaths"
              for path in value.split()]  # fmt: skip
    state = {f"%S/auricle/{name}" for name in ("context", "music", "privacy")}
    assert state <= {path.removeprefix("-") for path in hidden}
    assert "-%S/auricle" not in hidden  # %S is ~/.config up to systemd 253
    created = dict(directives(USER_UNIT))["ExecStartPre"].split()
    assert set(created[2:]) == state


@pytest.mark.parametrize(
    ("unit", "daemon"),
    [(SYSTEM_RELAY, SYSTEM_UNIT), (USER_RELAY, USER_UNIT)],
    ids=["system", "user"],
)
def test_relay_runs_only_while_the_socket_exists(unit: Path, daemon: Path) -> None:
    meeting = dict(directives(daemon))["Environment"]
    assert dict(directives(unit))["Environment"] == meeting
    socket = meeting.removeprefix("AURICLE_RELAY_SOCKET=")
    assert dict(directives(unit))["ConditionPathExists"] == socket
    path = dict(directives(unit.with_suffix(".path")))
    assert (path["PathExists"], path["Unit"]) == (socket, unit.name)


def test_socket_folder_is_writable_by_the_daemon_and_open_to_the_relay() -> None:
    rules = (PACKAGING / "tmpfiles.d" / "auricle.conf").read_text(encoding="utf-8").split("\n")
    (rule,) = (line.split() for line in rules if "/run/auricle-relay" in line)
    assert rule[:5] == ["d", "/run/auricle-relay", "2750", "auricle", "auricle-relay"]
    assert ("ReadWritePaths", "-/run/auricle-relay") in directives(SYSTEM_UNIT)


def test_policy_defines_each_polkit_action_of_the_daemon() -> None:
    policy = ElementTree.parse(PACKAGING / "polkit" / "org.auricle.policy")
    actions = {action.attrib["id"] for action in policy.iter("action")}
    assert actions == {privacy1.LOOSEN, privacy1.READ, privacy1.ERASE}
    for action in policy.iter("action"):
        for default in action.find("defaults") or ():
            assert default.text in ("auth_admin", "auth_admin_keep")


def test_players_get_more_of_the_processor_than_the_daemon() -> None:
    for unit in (SYSTEM_UNIT, SYSTEM_RELAY):
        assert dict(directives(unit))["Slice"] == "auricle.slice"
    assert int(dict(directives(PACKAGING / "systemd" / "auricle.slice"))["CPUWeight"]) < 100
    for unit in (USER_UNIT, USER_RELAY):
        assert dict(directives(unit))["Slice"] == "background.slice"
    for unit in (SYSTEM_UNIT, USER_UNIT):
        assert int(dict(directives(unit))["Nice"]) > 0


def test_unit_does_not_hide_the_files_that_the_arbiter_reads() -> None:
    settings = dict(directives(SYSTEM_UNIT))
    assert "ProcSubset" not in settings  # would hide /proc/pressure and /proc/asound
    assert settings["ProtectControlGroups"] == "yes"  # read-only, not hidden
    assert "InaccessiblePaths" not in settings


def test_daemon_has_access_to_the_sound_cards() -> None:
    settings = directives(SYSTEM_UNIT)
    assert ("DeviceAllow", "char-alsa rw") in settings
    assert ("SupplementaryGroups", "audio") in settings
    assert "PrivateDevices" not in dict(settings)


def test_the_libraries_of_the_daemon_need_no_executable_memory(
    virtual_microphone: VirtualMicrophone,
) -> None:
    models = sorted(str(model) for model in (ROOT / "models").rglob("*.tflite"))
    script = Path(__file__).with_name("deny_executable_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), *models],
        env={**os.environ, **virtual_microphone.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["done"]), done.stderr


def test_service_user_is_created_in_the_group_audio(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(PACKAGING / "sysusers.d" / "auricle.conf")],
        capture_output=True,
        check=True,
    )
    lines = (tmp_path / "etc" / "passwd").read_text(encoding="utf-8").splitlines()
    accounts = {account[0]: account[5:] for account in (line.split(":") for line in lines)}
    assert accounts == {
        "auricle": ["/var/lib/auricle", "/usr/sbin/nologin"],
        "auricle-relay": ["/", "/usr/sbin/nologin"],
        "auricle-actions": ["/", "/usr/sbin/nologin"],
        "auricle-feedback": ["/", "/usr/sbin/nologin"],
    }
    groups = (tmp_path / "etc" / "group").read_text(encoding="utf-8").splitlines()
    assert any(re.fullmatch(r"audio:x:\d+:auricle,auricle-feedback", group) for group in groups)
    assert not any("auricle-relay" in group.split(":")[3] for group in groups)
