"""The package on a booted Debian 12, from installation to purge; the order of the tests matters.

The machine has no network, so nothing can be downloaded. Its sound server is a system-wide
PulseAudio. It plays real recordings, which the daemon recognises in its full sandbox.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import string
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from testbed.booted_machine import BootedMachine

COMMAND = "/usr/share/auricle/models/demo/command.flac"
SAID = "how are you going to do it"
KILLS = 50
READY_SECONDS = 60.0
MUSIC_VOLUME = "77%"
PYTHON = "/usr/lib/auricle/python3.11"
# Files that may remain after a purge: caches, logs, account files.
OTHERS = re.compile(
    r"^/(proc|sys|dev|run|tmp|mnt|var/log|var/tmp|var/cache|root)(/|$)"
    r"|^/var/lib/(dpkg|systemd|dbus|private|pulse|polkit-1)(/|$)|-$|^/etc/(\.pwd\.lock|\.updated)$"
    r"|^/var/\.updated$|__pycache__"
)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def files_before(machine: BootedMachine) -> set[str]:
    """All files of the machine before the installation."""
    return all_files(machine)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], None]]:
    """Print progress, also when the test passes."""

    def tell(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n  {sentence}", end="", flush=True)

    yield tell


def all_files(machine: BootedMachine) -> set[str]:
    listed = machine.told("find", "/", "-xdev", "-not", "-type", "d").splitlines()
    return {file for file in listed if not OTHERS.search(file)}


def state_of(machine: BootedMachine, unit: str = "auricle") -> dict[str, str]:
    shown = machine.told(
        "systemctl", "show", unit, "--property=ActiveState,SubState,MainPID,NRestarts,Result"
    )
    return dict(line.split("=", 1) for line in shown.splitlines())


def wait_until(condition: Callable[[], object], what: str, seconds: float = READY_SECONDS) -> float:
    """Return the duration in seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"waited {seconds} s in vain: {what}"
        time.sleep(0.2)  # each poll costs processor time
    return time.monotonic() - start


def is_ready(machine: BootedMachine, not_process: str = "0") -> bool:
    state = state_of(machine)
    return state["ActiveState"] == "active" and state["MainPID"] not in ("0", not_process)


def wait_until_ready(machine: BootedMachine, after: str) -> float:
    """Return the seconds until a daemon other than the process `after` is ready."""
    return wait_until(lambda: is_ready(machine, after), f"ready again, after process {after}")


def hear_command(machine: BootedMachine) -> dict[str, object]:
    """Play the recorded command to the microphone; return the final event of a client."""
    client = machine.start("timeout", "60", "auricle", "monitor", "--json", output=subprocess.PIPE)
    assert client.stdout is not None
    try:
        events = map(json.loads, client.stdout)
        assert next(events)["event"] == "status"
        machine.run("paplay", "--device=speaker", COMMAND)
        final = next((event for event in events if event["event"] == "final"), None)
        assert final is not None, "nothing was heard of the command"
        return final
    finally:
        machine.end(client)


@contextlib.contextmanager
def drop_in(machine: BootedMachine, text: str) -> Iterator[None]:
    """Change the daemon's unit temporarily."""
    place = "/run/systemd/system/auricle.service.d/test.conf"
    machine.write(place, text)
    machine.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        machine.run("rm", place)
        machine.run("systemctl", "daemon-reload")


def test_package_installs_without_a_network(machine, advised, files_before, say):
    assert machine.told("ls", "/sys/class/net") == "lo"
    assert files_before
    start = time.monotonic()
    machine.run(*advised[0])
    size = machine.told("du", "-sm", "/usr/lib/auricle", "/usr/share/auricle").split()
    say(f"installed in {time.monotonic() - start:.0f} s; libraries {size[0]} MB, data {size[2]} MB")
    assert machine.told("systemctl", "is-enabled", "auricle", check=False) == "disabled"
    assert machine.told("systemctl", "is-active", "auricle", check=False) == "inactive"
    assert machine.told("auricle", "config", "check").endswith("/etc/auricle/auricle.yaml: OK")
    assert "auricle" in machine.told("man", "--where", "org.auricle.Session1")


def test_one_command_enables_and_starts_the_service(machine, advised, say):
    machine.run("sh", "/mnt/tests/boot/sound.sh")
    start = time.monotonic()
    machine.run(*advised[1])
    say(f"ready after {time.monotonic() - start:.1f} s")
    assert state_of(machine, "auricle-relay.path")["ActiveState"] == "active"
    assert json.loads(machine.told("auricle", "status", "--json"))["state"] == "idle"
    user = machine.told("ps", "-o", "user=", "-p", state_of(machine)["MainPID"])
    assert user == "auricle"


def test_recognition_works_in_the_full_sandbox(machine, say):
    final = hear_command(machine)
    say(f"recognised: {final['text']}")
    assert final["text"] == SAID
    process = state_of(machine)["MainPID"]
    status = dict(
        line.split(":\t", 1)
        for line in machine.told("cat", f"/proc/{process}/status").splitlines()
        if ":\t" in line
    )
    assert (status["NoNewPrivs"], status["CapBnd"], status["Seccomp"]) == ("1", "0" * 16, "2")
    namespaces = {
        kind: machine.told("readlink", f"/proc/{process}/ns/{kind}", f"/proc/1/ns/{kind}")
        for kind in ("net", "user", "mnt")
    }
    for kind, told in namespaces.items():
        own, machines = told.splitlines()
        assert own != machines, f"the daemon shares the {kind} namespace of the machine"


def test_lattices_reach_the_reranker_only_while_allowed(machine, say):
    command = ("env", f"PYTHONPATH={PYTHON}:/mnt/tools", "python3", "/mnt/tests/boot/reranker.py")
    reranker = machine.start(*command, output=subprocess.PIPE)
    assert reranker.stdout is not None
    try:
        url, pin = reranker.stdout.readline().split()
        asked = {"url": url, "pin": pin, "budget_ms": 2000}
        settings = {"privacy": {"reranker": asked}}
        machine.write("/etc/auricle/auricle.yaml.d/reranker.yaml", json.dumps(settings))
        machine.run("systemctl", "restart", "auricle")
        assert state_of(machine, "auricle-relay")["ActiveState"] == "inactive"
        machine.run("auricle", "privacy", "lattice")
        wait_until(lambda: is_active(machine, "auricle-relay"), "the path unit starts the relay")
        folder = machine.told("stat", "--format=%A %U %G", "/run/auricle-relay/lattices")
        assert folder == "srw-rw---- auricle auricle-relay"
        final = hear_command(machine)
        say(f"reranked {final['reranked']}: {final['text']}")
        assert final["reranked"] is True
        question = json.loads(reranker.stdout.readline())
        assert set("".join(question["words"])) <= set("abcdefghijklmnopqrstuvwxyz' -")
        (line,) = machine.told("auricle", "privacy", "log", "--json").splitlines()
        assert json.loads(line)["host"] in url
        machine.run("auricle", "privacy", "local")
        wait_until(lambda: not is_active(machine, "auricle-relay"), "the relay ends")
        assert machine.run("test", "-e", "/run/auricle-relay/lattices", check=False).returncode
        assert hear_command(machine)["reranked"] is False
        assert state_of(machine, "auricle-relay")["Result"] == "success"
    finally:
        machine.end(reranker)
        machine.run("rm", "/etc/auricle/auricle.yaml.d/reranker.yaml")
        machine.run("systemctl", "restart", "auricle")


def is_active(machine: BootedMachine, unit: str) -> bool:
    return state_of(machine, unit)["ActiveState"] == "active"


def test_daemon_recovers_its_state_after_fifty_kills(machine, say):
    dice = random.Random(6)
    speech = machine.start("sh", "-c", f"while paplay --device=speaker {COMMAND}; do :; done")
    music = machine.start(
        *("pacat", "--device=music", "--volume=50462", "--client-name=music", "/dev/zero")
    )
    took, told = [], 0
    try:
        wait_until(lambda: volume_of_music(machine) == MUSIC_VOLUME, "the music plays")
        with drop_in(machine, "[Service]\nRestartSec=100ms\n"):
            for kill in range(KILLS):
                if is_ready(machine) and not kill % 2:  # the other kills hit it while loading
                    machine.run("auricle", "context", "add", "contacts", f"Person {spelled(kill)}")
                    told += 1
                time.sleep(dice.uniform(0, 1))
                process = state_of(machine)["MainPID"]
                machine.run("systemctl", "kill", "--signal=KILL", "auricle", check=False)
                if kill % 2:
                    took.append(wait_until_ready(machine, process))
            wait_until(lambda: is_ready(machine), "ready after the last kill")
        assert contacts(machine) == told
        # The music must have its old volume again, whenever the daemon was killed.
        wait_until(lambda: volume_of_music(machine) == MUSIC_VOLUME, "the music is as it was", 10)
    finally:
        machine.end(speech)
        machine.end(music)
    took.sort()
    say(
        f"{KILLS} kills: ready again after {took[len(took) // 2]:.1f} s (median), {took[-1]:.1f} s "
        f"at most; {told} names kept; music at {MUSIC_VOLUME}"
    )
    assert SAID in hear_command(machine)["text"]


def volume_of_music(machine: BootedMachine) -> str:
    listed = json.loads(machine.told("pactl", "--format=json", "list", "sink-inputs"))
    for stream in listed:
        if stream["properties"].get("application.name") == "music":
            return next(iter(stream["volume"].values()))["value_percent"]
    return ""


def spelled(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def test_watchdog_restarts_a_frozen_daemon(machine, say):
    with drop_in(machine, "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=3s\n"):
        machine.run("systemctl", "restart", "auricle")
        frozen = state_of(machine)["MainPID"]
        machine.run("systemctl", "kill", "--signal=STOP", "auricle")
        seconds = wait_until_ready(machine, frozen)
    journal = machine.told("journalctl", "--unit=auricle", "--grep=[Ww]atchdog", "--output=cat")
    say(f"frozen, with WatchdogSec=4s: ready again after {seconds:.1f} s")
    assert "Watchdog timeout" in journal
    machine.run("systemctl", "restart", "auricle")


def test_full_disk_is_reported_and_survived(machine, say):
    machine.run("systemctl", "stop", "auricle")
    machine.run("mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", "/var/lib/auricle")
    machine.run("systemctl", "start", "auricle")
    machine.run("auricle", "context", "add", "contacts", "Before")
    machine.run("sh", "-c", "dd if=/dev/zero of=/var/lib/auricle/filler bs=4k || true")
    # One more line may fit into the file's last block; this many do not.
    many = [f"Refused {letter * 150}" for letter in string.ascii_lowercase]
    refused = machine.run("auricle", "context", "add", "contacts", *many, check=False)
    say(f"full disk: {refused.stderr.strip()}")
    assert refused.returncode == 1
    assert "make room on the disk" in refused.stderr
    assert hear_command(machine)["text"] == SAID
    machine.run("systemctl", "restart", "auricle")
    assert contacts(machine) == 1
    machine.run("rm", "/var/lib/auricle/filler")
    machine.run("auricle", "context", "add", "contacts", "Allowed")
    assert contacts(machine) == 2
    machine.run("systemctl", "stop", "auricle")
    machine.run("umount", "/var/lib/auricle")
    machine.run("systemctl", "start", "auricle")


def contacts(machine: BootedMachine) -> int:
    counts = json.loads(machine.told("auricle", "context", "count", "--json"))
    return int(counts["entries"].get("contacts", 0))


def test_user_service_works_for_a_logged_in_user(machine, say):
    machine.run("systemctl", "disable", "--now", "auricle")
    machine.run("useradd", "--create-home", "owner")
    machine.run("loginctl", "enable-linger", "owner")
    number = machine.told("id", "--user", "owner")
    runtime = f"/run/user/{number}"
    wait_until(lambda: not machine.run("test", "-S", f"{runtime}/bus", check=False).returncode,
               "the person's own bus is there")  # fmt: skip
    sound = (
        "load-module module-native-protocol-unix\n"
        "load-module module-null-sink sink_name=speaker norewinds=1 rate=16000 channels=1\n"
        "set-default-source speaker.monitor\n"
    )
    machine.write("/home/owner/.config/pulse/default.pa", sound)
    machine.run("chown", "-R", "owner:", "/home/owner")
    own = {"HOME": "/home/owner", "XDG_RUNTIME_DIR": runtime,
           "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}  # fmt: skip

    def run(*command: str) -> str:
        return machine.run(*command, user="owner", environment=own, check=False).stdout

    run("systemctl", "--user", "start", "pulseaudio")
    start = time.monotonic()
    run("systemctl", "--user", "enable", "--now", "auricle")
    say(f"user service ready after {time.monotonic() - start:.1f} s")
    assert json.loads(run("auricle", "status", "--json"))["state"] == "idle"
    told = map(json.loads, run("auricle", "doctor", "--json").splitlines())
    home = next(finding for finding in told if finding["check"] == "home")
    assert home["found"] == (
        "use the user service: this user's PulseAudio owns the microphone; it is running"
    )
    run("systemctl", "--user", "disable", "--now", "auricle")
    machine.run("loginctl", "disable-linger", "owner")
    machine.run("loginctl", "terminate-user", "owner", check=False)
    machine.run("systemctl", "enable", "--now", "auricle")


def test_doctor_recommends_the_right_service(machine, advised):
    told = machine.told(*advised[2], "--json", check=False)
    findings = {finding["check"]: finding for finding in map(json.loads, told.splitlines())}
    assert findings["home"]["found"].startswith("use the system service: PulseAudio runs for the")
    assert findings["home"]["found"].endswith("it is running")
    assert findings["daemon"]["status"] == "ok"


def test_autopkgtests_pass(machine):
    machine.run("sh", "/mnt/own-tests/recordings")


def test_upgrade_keeps_changes_of_the_owner(machine, package, say):
    before, names = state_of(machine)["MainPID"], contacts(machine)
    machine.run("sh", "-c", "echo '# mine' >> /etc/auricle/auricle.yaml")
    newer = "/var/tmp/newer.deb"
    machine.run("sh", "/mnt/tests/boot/newer.sh", f"/mnt/build/{package.name}", newer)
    start = time.monotonic()
    machine.run("dpkg", "--install", "--force-confold", newer)
    say(f"upgraded in {time.monotonic() - start:.0f} s")
    assert machine.told("dpkg-query", "-W", "-f", "${Version}", "auricle") == "999"
    assert machine.told("tail", "-n1", "/etc/auricle/auricle.yaml") == "# mine"
    assert is_ready(machine, before), "the upgrade has not started the new daemon"
    assert machine.told("systemctl", "is-enabled", "auricle") == "enabled"
    assert contacts(machine) == names
    assert hear_command(machine)["text"] == SAID


def test_a_purge_leaves_nothing(machine, files_before, say):
    machine.run("dpkg", "--purge", "auricle")
    left = {file for file in all_files(machine) - files_before if "auricle" in file}
    say(f"purged; left: {sorted(left) or 'nothing'}")
    assert left <= {"/etc/systemd/system/auricle.service.d/sound.conf"}  # created by the test
    assert machine.run("test", "-e", "/var/lib/auricle", check=False).returncode
    account = machine.told("getent", "passwd", "auricle")
    assert account.endswith("/usr/sbin/nologin")
    assert machine.told("pgrep", "--uid", "auricle", check=False) == ""
