"""Write shell completions of the command `auricle` for bash and zsh from its parsers.

In: the commands listed in auricle.cli.main. Out: one file per shell, below a share folder, at the
paths where Debian's shells look for completions.

    PYTHONPATH=daemon python tools/completions.py SHARE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from auricle.cli.main import COMMANDS, build_parser

Words = list[tuple[str, str]]  # completion and description

BASH = """\
# Completion of auricle for bash; written by tools/completions.py.
_auricle() {{
    local typed='' words='' index
    for ((index = 1; index < COMP_CWORD; index++)); do
        [[ ${{COMP_WORDS[index]}} == -* ]] || typed+=" ${{COMP_WORDS[index]}}"
    done
    case $typed in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _auricle auricle
"""
ZSH = """\
#compdef auricle
# Completion of auricle for zsh; written by tools/completions.py.
local typed='' word
local -a described
for word in ${{words[2,CURRENT-1]}}; do
    [[ $word == -* ]] || typed+=" $word"
done
case $typed in
{cases}
esac
_describe auricle described -- described
_files
"""
PLACES = {
    "bash-completion/completions/auricle": BASH,
    "zsh/vendor-completions/_auricle": ZSH,
}


def offers() -> Iterator[tuple[str, Words]]:
    """Yield each command prefix with its completions, longest prefixes first."""
    for command in COMMANDS:
        parser = _actions(build_parser(command.name))[command.name]
        for name, action in _actions(parser).items():
            yield f" {command.name} {name}", _words(action)
        yield f" {command.name}", _words(parser)
    general = [("--help", "show the help"), ("--version", "show the version")]
    yield "", [*((command.name, command.summary) for command in COMMANDS), *general]


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _words(parser: argparse.ArgumentParser) -> Words:
    """Return the options, subcommands and choices of a parser."""
    words: Words = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words += [(each.dest, each.help or "") for each in action._choices_actions]
        elif action.option_strings:
            words.append((action.option_strings[-1], action.help or ""))
        else:
            words += [(str(choice), "") for choice in action.choices or ()]
    return words


def _case(shell: str, typed: str, words: Words) -> str:
    """Return the case for a command prefix; it also matches longer command lines."""
    pattern = f"'{typed}'*" if typed else "*"
    if shell == BASH:
        return f"        {pattern}) words='{' '.join(word for word, _ in words)}' ;;"
    listed = " ".join(_quoted(word, about) for word, about in words)
    return f"    {pattern}) described=({listed}) ;;"


def _quoted(word: str, about: str) -> str:
    """Return a word and its description in the format of zsh's _describe."""
    told = about.replace("%%", "%").replace("'", "'\\''").replace(":", "\\:")
    return f"'{word}:{told}'" if told else f"'{word}'"


def main(arguments: list[str]) -> int:
    """Write the files below the given folder; return the exit status."""
    if len(arguments) != 1:
        print("usage: completions.py SHARE", file=sys.stderr)
        return 2
    listed = list(offers())
    for place, text in PLACES.items():
        file = Path(arguments[0]) / place
        file.parent.mkdir(parents=True, exist_ok=True)
        cases = "\n".join(_case(text, typed, words) for typed, words in listed)
        file.write_text(text.format(cases=cases), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
