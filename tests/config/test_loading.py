"""Files become a configuration, or one clear line for each mistake."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle.config import Config, examine, load, reload
from auricle.config.checks import Choice
from auricle.config.loading import value_of
from auricle.config.schema import RerankerSettings
from auricle.errors import ConfigError


@pytest.fixture
def main_file(tmp_path: Path) -> Path:
    return tmp_path / "auricle.yaml"


def lines_for(main_file: Path, text: str) -> list[str]:
    """Write the text; return the mistakes without the folder's name."""
    main_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(main_file)
    return str(caught.value).replace(f"{main_file.parent}/", "").splitlines()


def drop_in(main_file: Path, name: str, text: str) -> None:
    folder = main_file.with_name("auricle.yaml.d")
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "# nothing but words\n", "---\n...\n", "audio:\nwake:\n", "{}"]
)
def test_an_empty_file_gives_the_defaults(main_file: Path, text: str) -> None:
    main_file.write_text(text, encoding="utf-8")
    assert load(main_file) == Config()


def test_a_key_that_is_set_leaves_the_others_at_their_defaults(main_file: Path) -> None:
    main_file.write_text("audio: {device: hw:1, channel: mix}\n", encoding="utf-8")
    config = load(main_file)
    assert (config.audio.device, config.audio.channel) == ("hw:1", "mix")
    assert config.audio.ring_seconds == Config().audio.ring_seconds
    assert config.wake == Config().wake


@pytest.mark.parametrize("written", ["1:30", "'3'", "2026-11-22"])
def test_a_device_written_as_text_stays_text(main_file: Path, written: str) -> None:
    main_file.write_text(f"audio: {{device: {written}}}\n", encoding="utf-8")
    assert load(main_file).audio.device == written.strip("'")


def test_a_whole_number_is_taken_where_a_fraction_may_stand(main_file: Path) -> None:
    main_file.write_text("audio: {ring_seconds: 8}\n", encoding="utf-8")
    ring_seconds = load(main_file).audio.ring_seconds
    assert (ring_seconds, type(ring_seconds)) == (8.0, float)


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("recognizer: {second_pass: off}", "recognizer.second_pass"),
        ("music: {mode: off}", "music.mode"),
        ("music: {mode: 'off'}", "music.mode"),
        ("music: {mode: OFF}", "music.mode"),
        ("music:\n  mode: Off  # no ducking\n", "music.mode"),
    ],
)
@pytest.mark.parametrize("in_drop_in", [False, True])
def test_off_is_a_word_where_a_word_is_expected(
    main_file: Path, text: str, dotted: str, in_drop_in: bool
) -> None:
    main_file.write_text("" if in_drop_in else text, encoding="utf-8")
    if in_drop_in:
        drop_in(main_file, "50-own.yaml", text)
    assert value_of(load(main_file), dotted) == "off"


def choices() -> list[tuple[str, str]]:
    """Return each word of each key that accepts only a few words."""
    return [
        (f"{section.name}.{key.name}", word)
        for section in fields(Config)
        for key in fields(section.metadata["section"])
        if isinstance(key.metadata["check"], Choice)
        for word in key.metadata["check"].words
    ]


@pytest.mark.parametrize(("dotted", "word"), choices())
def test_every_word_of_every_choice_is_accepted_without_quotes(
    main_file: Path, dotted: str, word: str
) -> None:
    section, key = dotted.split(".")
    main_file.write_text(f"{section}: {{{key}: {word}}}\n", encoding="utf-8")
    assert value_of(load(main_file), dotted) == word


@pytest.mark.parametrize(
    ("written", "value"),
    [("yes", True), ("On", True), ("no", False), ("off", False), ("True", True), ("FALSE", False)],
)
def test_yes_no_on_and_off_are_accepted_where_true_or_false_is_expected(
    main_file: Path, written: str, value: bool
) -> None:
    main_file.write_text(f"privacy: {{redact: {written}}}\n", encoding="utf-8")
    assert load(main_file).privacy.redact is value


def test_wake_models_may_be_names_paths_and_mappings(main_file: Path) -> None:
    main_file.write_text(
        "wake: {models: [alexa, /srv/own.json, {model: okay_nabu, cutoff: 0.9}]}\n",
        encoding="utf-8",
    )
    models = load(main_file).wake.models
    assert [(model.model, model.cutoff) for model in models] == [
        ("alexa", None),
        ("/srv/own.json", None),
        ("okay_nabu", 0.9),
    ]


def test_a_byte_order_mark_is_no_mistake(main_file: Path) -> None:
    main_file.write_bytes(b"\xef\xbb\xbflog: {level: debug}\n")
    assert load(main_file).log.level == "debug"


def test_drop_ins_replace_keys_in_the_order_of_their_names(main_file: Path) -> None:
    main_file.write_text("arbiter: {threads: 1}\nlog: {level: error}\n", encoding="utf-8")
    drop_in(main_file, "90-last.yaml", "arbiter: {threads: 4}\n")
    drop_in(main_file, "10-first.yaml", "arbiter: {threads: 2}\nrecognizer: {beam: 8}\n")
    drop_in(main_file, ".hidden.yaml", "arbiter: {threads: 9}\n")
    drop_in(main_file, "20-old.yaml~", "arbiter: {threads: 9}\n")
    config = load(main_file)
    assert (config.arbiter.threads, config.recognizer.beam, config.log.level) == (4, 8, "error")


def test_a_mistake_in_a_drop_in_names_the_drop_in(main_file: Path) -> None:
    drop_in(main_file, "50-own.yaml", "\narbiter:\n  threads: many\n")
    assert lines_for(main_file, "") == [
        "auricle.yaml.d/50-own.yaml:3: arbiter.threads: many: must be a whole number from 1 to 16"
    ]


def test_a_drop_in_with_another_ending_is_told_instead_of_ignored(main_file: Path) -> None:
    drop_in(main_file, "own.yml", "arbiter: {threads: 2}\n")
    assert lines_for(main_file, "") == [
        "auricle.yaml.d/own.yml: is ignored; the name of a drop-in must end in .yaml"
    ]


def test_a_file_in_place_of_the_drop_in_folder_is_told(main_file: Path) -> None:
    main_file.with_name("auricle.yaml.d").write_text("arbiter: {threads: 2}\n", encoding="utf-8")
    assert lines_for(main_file, "") == [
        "auricle.yaml.d: cannot be read: Not a directory; make it a folder that Auricle can read"
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines(main_file: Path) -> None:
    text = "log: {level: loud}\naudio:\n  channel: left\n  chanel: 0\narbiter: {threads: 0}\n"
    assert lines_for(main_file, text) == [
        "auricle.yaml:1: log.level: loud: must be debug, info, warning or error",
        "auricle.yaml:3: audio.channel: left: must be a whole number from 0 to 63, or mix",
        "auricle.yaml:4: audio.chanel: unknown key; did you mean channel?",
        "auricle.yaml:5: arbiter.threads: 0: must be a whole number from 1 to 16",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("audoi:\n  device: 1\n", "1: audoi: unknown key; did you mean audio?"),
        ("device: 1\n", "1: device: unknown key; did you mean audio.device?"),
        ("arbiter: {beam: 2}\n", "1: arbiter.beam: unknown key; did you mean recognizer.beam?"),
        ("log: {xyz: 1}\n", "1: log.xyz: unknown key; the keys here are level, transcripts"),
        ("log:\n  1: x\n", "2: log.1: unknown key; the keys here are level, transcripts"),
        ("log: {? [a] : 1}\n", "1: log: a key must be text"),
        (
            "log:\n  <<: {level: info}\n",
            "2: log.<<: unknown key; the keys here are level, transcripts",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_what_may_have_been_meant(
    main_file: Path, text: str, told: str
) -> None:
    assert lines_for(main_file, text) == [f"auricle.yaml:{told}"]


LEVEL = "must be a whole number from 0 to 3"
DEVICE = "must be null, or a whole number from 0 to 999, or text that is not empty"
MODEL = (
    "the name of a wake-word model, or an absolute path, or a mapping with the keys model, cutoff"
)
SCALAR = "is neither a number, nor text, nor true or false"
LOG = "must be a mapping with the keys level, transcripts"


@pytest.mark.parametrize(
    ("key", "written", "remedy"),
    [
        ("vad.aggressiveness", "4", LEVEL),
        ("vad.aggressiveness", "1.0", LEVEL),
        ("vad.aggressiveness", "true", LEVEL),
        ("vad.aggressiveness", "null", LEVEL),
        ("vad.aggressiveness", "[1]", LEVEL),
        ("vad.aggressiveness", "{a: 1}", LEVEL),
        ("audio.ring_seconds", ".nan", "must be a number from 2 to 60"),
        ("audio.ring_seconds", ".inf", "must be a number from 2 to 60"),
        ("audio.ring_seconds", "'8'", "must be a number from 2 to 60"),
        ("audio.device", "-1", DEVICE),
        ("audio.device", "' '", DEVICE),
        ("wake.enabled", "1", "must be true or false"),
        ("wake.models", "alexa", f"must be a list, each item {MODEL}"),
        ("recognizer.bundle", "a b", "must be the name of a model bundle, or an absolute path"),
        ("recognizer.nbest", "0b_", SCALAR),
        ("recognizer.nbest", "!!int five", "must be written without the tag !!int"),
        ("recognizer.bundle", "!secret a", "must be written without the tag !secret"),
        ("log.level", "!!int", "must be written without the tag !!int"),
        ("log.level", "!!float ''", "must be written without the tag !!float"),
        ("log.level", "!!timestamp 2001-99-99", "must be written without the tag !!timestamp"),
        ("log.level", "!!binary =", "must be written without the tag !!binary"),
        ("wake.models", "!!set {alexa}", "must be written without the tag !!set"),
        (
            "log.level",
            "!!python/object/apply:os.system [id]",
            "must be written without the tag !!python/object/apply:os.system",
        ),
        ("endpoint.final_ms", "1" * 41, "is a number of 41 characters; write at most 40"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_what_would(
    main_file: Path, key: str, written: str, remedy: str
) -> None:
    section, name = key.split(".")
    told = lines_for(main_file, f"{section}:\n  {name}: {written}\n")
    assert told == [f"auricle.yaml:2: {key}: {written}: {remedy}"]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("../a", f"wake.models[1]: ../a: must be {MODEL}"),
        ("5", f"wake.models[1]: 5: must be {MODEL}"),
        ("{cutoff: 1}", f"wake.models[1]: {{cutoff: 1}}: must be {MODEL}"),
        ("{model: a, cutoff: 2}", "wake.models[1].cutoff: 2: must be a number from 0 to 1"),
        (
            "{model: a, cut: 1}",
            "wake.models[1].cut: 1: unknown key; the keys here are model, cutoff",
        ),
    ],
)
def test_an_item_that_does_not_fit_is_told_by_its_place_in_the_list(
    main_file: Path, item: str, told: str
) -> None:
    assert lines_for(main_file, f"wake:\n  models:\n  - alexa\n  - {item}\n") == [
        f"auricle.yaml:4: {told}"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("log: 5", f"1: log: 5: {LOG}"),
        ("log: [level]", f"1: log: [level]: {LOG}"),
        ("- audio", "1: must be a mapping of sections, such as `audio:`"),
        ("audio", "1: must be a mapping of sections, such as `audio:`"),
        ("log: {level: info}\nlog: {level: info}", "2: log: is already set in line 1; keep one"),
        ("log:\n  level: info\n  level: info", "3: log.level: is already set in line 2; keep one"),
    ],
)
def test_a_section_of_the_wrong_form_is_told(main_file: Path, text: str, told: str) -> None:
    assert lines_for(main_file, text) == [f"auricle.yaml:{told}"]


def test_a_huge_number_is_told_and_shortened(main_file: Path) -> None:
    (told,) = lines_for(main_file, f"arbiter: {{threads: {'9' * 10_000}}}\n")
    assert told.startswith("auricle.yaml:1: arbiter.threads: 999")
    assert len(told) < 200


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "endpoint: {speculative_ms: 500}",
            "endpoint.speculative_ms: 500: endpoint.speculative_ms must be less than"
            " endpoint.final_ms (endpoint.final_ms is 450)",
        ),
        (
            "endpoint: {final_ms: 1650}",
            "endpoint.final_ms: 1650: endpoint.decoder_ms must not be less than endpoint.final_ms"
            " (endpoint.decoder_ms is 1600)",
        ),
        (
            "endpoint: {maximum_seconds: 4}",
            "endpoint.maximum_seconds: 4: endpoint.no_speech_seconds must be less than"
            " endpoint.maximum_seconds (endpoint.no_speech_seconds is 5.0)",
        ),
        (
            "audio: {ring_seconds: 3, pre_roll_seconds: 3}",
            "audio.pre_roll_seconds: 3: audio.pre_roll_seconds must be less than"
            " audio.ring_seconds (audio.ring_seconds is 3.0)",
        ),
        (
            "wake: {models: [a, b, a]}",
            "wake.models: [a, b, a]: wake.models must name each model only once",
        ),
    ],
)
def test_values_that_contradict_each_other_are_told(main_file: Path, text: str, told: str) -> None:
    assert lines_for(main_file, text) == [f"auricle.yaml:1: {told}"]


def test_a_value_that_is_a_mistake_itself_contradicts_no_other(main_file: Path) -> None:
    told = lines_for(main_file, "endpoint: {speculative_ms: soon, final_ms: 150}")
    assert told == [
        "auricle.yaml:1: endpoint.speculative_ms: soon: must be a whole number from 50 to 2000"
    ]


def test_no_wake_word_is_right_only_when_wake_words_are_off(main_file: Path) -> None:
    main_file.write_text("wake: {enabled: false, models: []}", encoding="utf-8")
    assert load(main_file).wake.models == ()
    assert len(lines_for(main_file, "wake: {models: []}")) == 1


@pytest.mark.parametrize(
    ("data", "line", "told"),
    [
        (b"log:\n\tlevel: info\n", 2, "is not YAML: "),
        (b"log: {level: info\n", 2, "is not YAML: "),
        (b"log: 'info\n", 2, "is not YAML: "),
        (b"log: {}\n---\nlog: {}\n", 2, "is not YAML: "),
        (b"log: {}\nbus: \xff\xfe\n", 2, "must be written in UTF-8"),
        ("log: {}\n".encode("utf-16"), 1, "must be written in UTF-8"),
        (b"log: {}\nbus: \x00\n", 2, "contains a control character; remove it"),
        (b"log: &a {}\nbus: *a\n", 2, "aliases (*name) are not supported; write out the value"),
        (b"[" * 100_000, 1, "must not be nested deeper than 20 levels"),
        (b"#" * 300_000, 0, "must not be larger than 256 KiB"),
    ],
)
def test_a_file_that_is_no_sound_yaml_is_told_by_line(
    main_file: Path, data: bytes, line: int, told: str
) -> None:
    main_file.write_bytes(data)
    (mistake,) = examine(main_file).mistakes
    assert mistake.line == line
    assert mistake.remedy.startswith(told)


def test_a_file_of_aliases_of_aliases_is_refused_at_once(main_file: Path) -> None:
    bomb = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert lines_for(main_file, "\n".join(bomb)) == [
        "auricle.yaml:2: aliases (*name) are not supported; write out the value"
    ]


def test_a_file_that_is_not_there_is_told(main_file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load(main_file)


def test_a_folder_in_place_of_the_file_is_told(main_file: Path) -> None:
    main_file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory; name a file that"):
        load(main_file)


def test_a_named_pipe_in_place_of_the_file_does_not_hang(main_file: Path) -> None:
    os.mkfifo(main_file)
    with pytest.raises(ConfigError, match="is not a regular file"):
        load(main_file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="audiowkelgmns:{}[]-,#&*!'\"|> \n\t0129.", max_size=200).map(str.encode),
    )
)
def test_any_bytes_give_a_config_or_mistakes_on_one_line_each(main_file: Path, data: bytes) -> None:
    main_file.write_bytes(data)
    examination = examine(main_file)
    assert (examination.config is None) == bool(examination.mistakes)
    for mistake in examination.mistakes:
        assert len(str(mistake).splitlines()) == 1


def test_reloading_gives_the_new_settings(main_file: Path) -> None:
    main_file.write_text("log: {level: debug}\n", encoding="utf-8")
    assert reload(Config(), main_file).log.level == "debug"


def test_reloading_a_bad_file_raises_so_that_the_old_settings_stay(main_file: Path) -> None:
    main_file.write_text("log: {level: loud}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"auricle\.yaml:1: log\.level: loud: must be"):
        reload(Config(), main_file)


def test_reloading_refuses_what_only_a_restart_can_change(main_file: Path) -> None:
    main_file.write_text("log: {level: debug}\nbus: {kind: session}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r":2: bus\.kind: session: cannot change from system"):
        reload(Config(), main_file)
    running = load(main_file)
    main_file.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"yaml: bus\.kind: cannot change from session"):
        reload(running, main_file)


def test_a_reranker_is_an_address_and_what_it_needs(main_file: Path) -> None:
    pin = f"sha256:{'0a' * 32}"
    main_file.write_text(
        "privacy: {reranker: {url: 'https://[::1]:8443/v1/rerank', token_file: /etc/t, "
        f"pin: '{pin}'}}}}\n",
        encoding="utf-8",
    )
    reranker = load(main_file).privacy.reranker
    assert reranker == RerankerSettings(
        url="https://[::1]:8443/v1/rerank", token_file="/etc/t", pin=pin, budget_ms=300
    )
    assert reranker.host == "[::1]:8443"


URL = "must be a URL that begins with https://, such as https://reranker.lan:8443/v1/rerank"
RERANKER = "must be null, or a mapping with the keys url, token_file, pin, budget_ms"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("https://a.example", f"privacy.reranker: https://a.example: {RERANKER}"),
        ("{pin: x}", f"privacy.reranker: {{pin: x}}: {RERANKER}"),
        ("{url: 'http://a'}", f"privacy.reranker.url: 'http://a': {URL}"),
        ("{url: 'https://me:pw@a'}", f"privacy.reranker.url: 'https://me:pw@a': {URL}"),
        ("{url: 'https://a b'}", f"privacy.reranker.url: 'https://a b': {URL}"),
        (
            "{url: 'https://a', token_file: t}",
            "privacy.reranker.token_file: t: must be an absolute path",
        ),
        (
            "{url: 'https://a', pin: 'sha256:0'}",
            "privacy.reranker.pin: 'sha256:0': must be sha256: and 64 hexadecimal digits in lower "
            "case",
        ),
        (
            "{url: 'https://a', budget_ms: 3}",
            "privacy.reranker.budget_ms: 3: must be a whole number from 50 to 2000",
        ),
    ],
)
def test_a_reranker_that_cannot_be_is_told(main_file: Path, written: str, told: str) -> None:
    text = f"privacy:\n  reranker: {written}\n"
    assert lines_for(main_file, text) == [f"auricle.yaml:2: {told}"]
