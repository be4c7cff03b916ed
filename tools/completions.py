"""Write shell completions of the command `auricle` for bash and zsh from its parsers.

In: the commands listed in auricle.cli.main. Out: one file per shell, below a share folder, at the
paths where Debian's shells look for completions. Where the value of an option is due, its values
are offered: choices, files, folders, devices, wake words. Options are offered after a dash.

    PYTHONPATH=daemon python tools/completions.py SHARE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.cli.main import COMMANDS, build_parser

Words = list[tuple[str, str]]  # completion and description
FILES, FOLDERS, DEVICES, WAKE_WORDS, NOTHING = "file", "folder", "device", "wake-word", "nothing"
KINDS = {  # metavar of an argument -> what completes it; other arguments have nothing to offer
    "FILE": FILES,
    "FILE|FOLDER": FILES,
    "[KIND=]FILE": FILES,
    "PICTURE": FILES,
    "DIR": FOLDERS,
    "DEVICE": DEVICES,
    "WAKE_WORD": WAKE_WORDS,
}
MODELS = "/usr/share/auricle/models/wake"

BASH = """\
# Completion of auricle for bash; written by tools/completions.py.
_auricle() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    local typed='' kind='' words='' options='' index
    local -a found=()
    if [[ $current == = ]]; then  # bash divides --option=value at the sign
        current=''
    elif [[ $previous == = ]]; then
        previous=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${{COMP_WORDS[index]}} in
            {valued}) ((index++)); [[ ${{COMP_WORDS[index]}} == = ]] && ((index++)) ;;
            -?*) ;;
            *) typed+=" ${{COMP_WORDS[index]}}" ;;
        esac
    done
    case "$typed:$previous" in
{values}
        *)
            case $typed in
{cases}
            esac
            if [[ $current == -* ]]; then
                words=$options kind={nothing}
            fi ;;
    esac
    case $kind in
        {devices}) mapfile -t found < <(auricle devices --names 2>/dev/null) ;;
        {wake_words})
            for index in {models}/*.json; do
                [[ -e $index ]] && index=${{index##*/}} && found+=("${{index%.json}}")
            done ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    for index in "${{found[@]}}"; do  # not by compgen, which would expand a device's name
        [[ $index == "$current"* ]] && COMPREPLY+=("$(printf %q "$index")")
    done
    if [[ $kind == {files} ]]; then
        mapfile -t -O ${{#COMPREPLY[@]}} COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
    elif [[ $kind == {folders} ]]; then
        mapfile -t -O ${{#COMPREPLY[@]}} COMPREPLY < <(compgen -d -- "$current")
        compopt -o filenames 2>/dev/null
    fi
    return 0
}}
complete -F _auricle auricle
"""
ZSH = """\
#compdef auricle
# Completion of auricle for zsh; written by tools/completions.py.
local typed='' kind='' index
local -a described options
for ((index = 2; index < CURRENT; index++)); do
    case $words[index] in
        {valued}) ((index++)) ;;
        -?*) ;;
        *) typed+=" $words[index]" ;;
    esac
done
case "$typed:$words[CURRENT-1]" in
{values}
    *)
        case $typed in
{cases}
        esac
        if [[ $words[CURRENT] == -* ]]; then
            described=($options) kind={nothing}
        fi ;;
esac
case $kind in
    {devices}) described+=(${{${{(f)"$(auricle devices --names 2>/dev/null)"}}//:/\\\\:}}) ;;
    {wake_words}) described+=({models}/*.json(N:t:r)) ;;
esac
(( $#described )) && _describe auricle described
case $kind in
    {files}) _files ;;
    {folders}) _files -/ ;;
esac
"""
PLACES = {
    "bash-completion/completions/auricle": BASH,
    "zsh/vendor-completions/_auricle": ZSH,
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What completes a word."""

    typed: str  # the words before it, without options and their values
    previous: str | None  # the option whose value is due; None: the word may be anything
    kind: str
    words: Words
    options: Words


def offers() -> Iterator[Offer]:
    """Yield what completes each place of a command line, most specific places first."""
    for command in COMMANDS:
        parser = subcommands(build_parser(command.name))[command.name]
        for name, action in subcommands(parser).items():
            yield from _offers_of(f" {command.name} {name}", action)
        yield from _offers_of(f" {command.name}", parser)
    general = [("--help", "show the help"), ("--version", "show the version")]
    named = [(command.name, command.summary) for command in COMMANDS]
    yield Offer("", None, NOTHING, named, general)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _offers_of(typed: str, parser: argparse.ArgumentParser) -> Iterator[Offer]:
    """Yield the offers of one parser: values of options, then later arguments before earlier."""
    options: Words = []
    places: list[tuple[str, Words]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            named = [(each.dest, each.help or "") for each in action._choices_actions]
            places.append((NOTHING, named))
        elif action.option_strings:
            options.append((action.option_strings[-1], action.help or ""))
            if action.nargs != 0:
                for option in action.option_strings:
                    yield Offer(typed, option, *_values(action), [])
        else:
            places.append(_values(action))
    repeated = any(action.nargs in ("+", "*") for action in parser._actions)
    if not repeated:
        places.append((NOTHING, []))
    for count, (kind, words) in reversed(list(enumerate(places))):
        yield Offer(typed + " *" * count, None, kind, words, options)


def _values(action: argparse.Action) -> tuple[str, Words]:
    """Return the kind and the known values of an argument."""
    if action.choices is not None:
        return NOTHING, [(str(choice), "") for choice in action.choices]
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    known = [word for word in metavar.split("|") if word.islower()]
    return KINDS.get(metavar, NOTHING), [(word, "") for word in known]


def _case(shell: str, offer: Offer) -> str:
    """Return the case for an offer; that of a place also matches longer command lines."""
    pattern = f"'{offer.typed}'*" if offer.typed else "*"
    pattern = pattern.replace(" *", " '*'").removesuffix("''*") or pattern
    listed = "words" if shell == BASH else "described"
    assigned = f"kind={offer.kind} {listed}={_list(shell, offer.words)}"
    if offer.previous is not None:
        return f"        {pattern}:{offer.previous}) {assigned} ;;"
    return f"                {pattern}) {assigned} options={_list(shell, offer.options)} ;;"


def _list(shell: str, words: Words) -> str:
    if shell == BASH:
        return f"'{' '.join(word for word, _ in words)}'"
    return f"({' '.join(_quoted(word, about) for word, about in words)})"


def _quoted(word: str, about: str) -> str:
    """Return a word and its description in the format of zsh's _describe."""
    description = about.replace("%%", "%").replace("'", "'\\''").replace(":", "\\:")
    return f"'{word}:{description}'" if description else f"'{word}'"


def main(arguments: list[str]) -> int:
    """Write the files below the given folder; return the exit status."""
    if len(arguments) != 1:
        print("usage: completions.py SHARE", file=sys.stderr)
        return 2
    listed = list(offers())
    valued = dict.fromkeys(offer.previous for offer in listed if offer.previous)
    for place, text in PLACES.items():
        file = Path(arguments[0]) / place
        file.parent.mkdir(parents=True, exist_ok=True)
        filled = text.format(
            valued="|".join(option for option in valued if option),
            values="\n".join(_case(text, one) for one in listed if one.previous),
            cases="\n".join(_case(text, one) for one in listed if not one.previous),
            files=FILES,
            folders=FOLDERS,
            devices=DEVICES,
            wake_words=WAKE_WORDS,
            nothing=NOTHING,
            models=MODELS,
        )
        file.write_text(filled, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
