"""`auricle transcribe FILE...`: runs the daemon's pipeline on recordings, without a wake word."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from auricle.atomic_file import replace_file
from auricle.audio.file import FileSource
from auricle.audio.format import Frame
from auricle.audio.piped import STANDARD_INPUT, PipedSource, RawFormat, raw_format
from auricle.audio.source import frames
from auricle.biasing.biasing import Biasing
from auricle.cli.attention_picture import draw
from auricle.cli.progress import ProgressLine
from auricle.cli.recordings import readable_recordings
from auricle.cli.start import raise_interrupts
from auricle.cli.transcript_formats import FORMATS, NamedText, TranscriptFormat
from auricle.compute.budget import SECOND_PASSES
from auricle.config import Config, load
from auricle.config.locations import find_config
from auricle.context.entries import KINDS, Context
from auricle.context.file import read_any_context
from auricle.errors import ArgumentError, AudioError, AuricleError, StorageError
from auricle.lattice.files import make_folder, name_each, write_lattice
from auricle.lattice.result import Word
from auricle.offline.segments import LONGEST_SECONDS, TranscribedSegment, transcribe_segments
from auricle.offline.transcript import Collector
from auricle.offline.transcription import transcribe_whole
from auricle.service.assembly import Models, budget_of, load_models, make_pipeline

MOST_HYPOTHESES = 100
STYLES = ("words", "written")
SUBTITLES = ("srt", "vtt")
DESCRIPTION = """\
Recognize speech in recordings (WAV, FLAC, Ogg and others) as the daemon would, but without a wake
word. The end-pointers of the daemon divide a recording into segments; together they cover the whole
recording. The text of each segment is printed when it is known. The FILE - is standard input, from
which audio is read as it arrives.

With --json or --format json, the command prints one object per recording, with the keys
  file, seconds     the recording and its length
  text              the recognized text; empty if there was no speech
  nbest             hypotheses {text, score}, best first; score is a natural log probability
  words             {word, start, end, confidence}
  names             {kind, written, id, start, end} of the names of --context among the words; kind
                    is the list with the name; written and id are as in the file; id may be empty
  partials          {text, time, settled} of each partial result, in order; text is that of the
                    segment so far; settled is the number of its first words that no later partial
                    result changes, up to a speculative result; a text is repeated when its settled
                    part grows; empty with --no-endpoint
  speculative       {text, time} of the last speculative result; null if there was none
  revised           whether a speculative result was withdrawn
  final             {text, time}: the whole text, and the time of the last final result
  intent            null
  compute_seconds   computing time
  segments          {text, start, end, speculative, revised, final} of each segment with speech;
                    start and end are those of its words
  written           with --style written: the text with capitals, punctuation and digits; each
                    segment has this key, too
Times are in seconds from the start of the recording. The times of partials, speculative and final
say when the result was known: the end of the audio used for it, or the time of the end-pointer,
plus the computing delay.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.set_defaults(refuse=parser.error)
    parser.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="a recording; - is standard input"
    )
    _add_output_options(parser)
    _add_recognition_options(parser)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help="txt: one line per segment; srt, vtt: subtitles; json: one JSON object per recording "
        "(default: the name of each recording and its text on one line)",
    )
    form.add_argument(
        "--json",
        action="store_const",
        dest="format",
        const="json",
        help="print one JSON object per recording",
    )
    parser.add_argument(
        "--style",
        choices=STYLES,
        help="words: plain words; written: with capitals, punctuation and digits (default: from "
        "the configuration)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        help="write NAME.txt, NAME.srt, NAME.vtt or NAME.json into this folder instead of printing",
    )
    parser.add_argument(
        "--nbest",
        metavar="N",
        type=count_of_hypotheses,
        help="maximum number of hypotheses (default: from the configuration)",
    )
    parser.add_argument(
        "--lattice",
        metavar="DIR",
        type=Path,
        help="write the lattice of each recording to NAME.json, NAME.slf, NAME.fst.txt with "
        "NAME.syms.txt, and NAME.dot in this folder; NAME is the name of the recording, with a "
        "number if two recordings have the same name",
    )
    parser.add_argument(
        "--attention",
        metavar="PICTURE",
        type=Path,
        help="draw the context attention on the names of --context over time (.png, .svg or "
        ".pdf); with several recordings, each gets a picture PICTURE-NAME",
    )


def _add_recognition_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--context",
        metavar="[KIND=]FILE",
        action="append",
        default=[],
        help="names that recognition favours: YAML with the lists contacts, appliances and media, "
        "or one YAML list, or text with one name per line; KIND says what a list or text holds "
        "(default: contacts); may be given several times",
    )
    parser.add_argument(
        "--second-pass",
        choices=SECOND_PASSES,
        help="mode of the second pass over the finished command (default: from the configuration)",
    )
    parser.add_argument(
        "--no-endpoint",
        action="store_true",
        help="decode each recording as one utterance, without end-pointing; it is printed at its "
        "end",
    )
    parser.add_argument(
        "--raw",
        metavar="FORMAT",
        type=_raw,
        help="format of standard input without a header: RATE[:CHANNELS[:ENCODING]], such as "
        "16000:1:PCM_16",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )


def count_of_hypotheses(text: str) -> int:
    """Return the argument of `--nbest`."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_HYPOTHESES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of hypotheses; give a whole number from 1 to "
            f"{MOST_HYPOTHESES}"
        )
    return int(text)


def _raw(text: str) -> RawFormat:
    try:
        return raw_format(text)
    except ArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(arguments: argparse.Namespace) -> int:
    """Print the text of each recording; return 1 if one of them failed, else 0."""
    _check_usage(arguments)
    config = _config_of(arguments)
    context = _context_of(arguments.context)
    for folder in (arguments.lattice, arguments.output):
        if folder:
            make_folder(folder)
    files = readable_recordings(arguments.files)
    if not files:
        return 1
    models = load_models(config, budget_of(config), wake=False)
    raise_interrupts()  # what was transcribed so far is written
    biasing = models.recognizer.biasing_of(context) if context else None
    if arguments.attention and (biasing is None or biasing.keys is None):
        raise ArgumentError(
            "--attention: there are no names, or the bundle has no context attention; give names "
            "with --context, and configure a bundle with context attention"
        )
    transcriber = Transcriber(arguments, config, models, biasing)
    status = 1 if len(files) < len(arguments.files) else 0
    for path, name in zip(files, name_each(files), strict=True):
        try:
            transcriber.transcribe(path, name)
        except AuricleError as error:
            sys.stderr.write(f"auricle: {error}\n")
            status = 1
    return status


def _check_usage(arguments: argparse.Namespace) -> None:
    """Refuse options that do not go together, with status 2."""
    refuse: Callable[[str], None] = arguments.refuse
    several = len(arguments.files) > 1
    if arguments.format in SUBTITLES and several and not arguments.output:
        refuse(f"--format {arguments.format}: several recordings need --output DIR")
    if arguments.files.count(STANDARD_INPUT) > 1:
        refuse("FILE: - may be given once")
    if STANDARD_INPUT in arguments.files and arguments.attention:
        refuse("--attention: standard input cannot be read twice; name a file")


def _config_of(arguments: argparse.Namespace) -> Config:
    """Return the configuration with the options of the command line."""
    config = load(arguments.config or find_config())
    settings = config.recognizer
    if arguments.nbest:
        settings = replace(settings, nbest=arguments.nbest)
    if arguments.second_pass:
        settings = replace(settings, second_pass=arguments.second_pass)
    text = replace(config.text, style=arguments.style) if arguments.style else config.text
    return replace(config, recognizer=settings, text=text)


def _context_of(given: Iterable[str]) -> Context | None:
    """Return the names of all `--context` options together; None without one."""
    read = []
    for text in given:
        kind, separator, file = text.partition("=")
        if separator and kind in KINDS:
            read.append(read_any_context(Path(file), kind))
        else:
            read.append(read_any_context(Path(text)))
    return Context(tuple(entry for one in read for entry in one.entries)) if read else None


class Transcriber:
    """Transcribes recordings one after the other, and writes what the options ask for."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        config: Config,
        models: Models,
        biasing: Biasing | None,
    ) -> None:
        self._arguments = arguments
        self._config = config
        self._models = models
        self._biasing = biasing
        self._progress = ProgressLine()

    def transcribe(self, path: Path, name: str) -> None:
        """Transcribe a recording; `name` is that of its output files.

        Raises:
            AuricleError: the recording cannot be read, or an output cannot be written.
        """
        arguments, form = self._arguments, self._format(path)
        collector = Collector(
            self._config.recognizer.nbest, keep_lattices=arguments.lattice is not None
        )
        with (
            _source(path, arguments.raw) as source,
            _Output(self._progress, arguments.output, f"{name}.{arguments.format or 'txt'}") as out,
        ):
            heard = self._progress.follow(frames(source), path.name, source.seconds)
            out.write(form.begin())
            for segment in self._segments(heard):
                collector.add(segment)
                out.write(form.segment(segment))
            transcript = collector.transcript()
            out.write(form.end(transcript))
        if transcript.lattice is not None:
            write_lattice(arguments.lattice, name, transcript.lattice)
        if arguments.attention:
            self._draw(path, name, transcript.words)

    def _format(self, path: Path) -> TranscriptFormat:
        arguments, written = self._arguments, self._config.text.style == "written"
        if arguments.format:
            return FORMATS[arguments.format](path, written)
        on_terminal = sys.stdout.isatty() and not arguments.output
        return NamedText(path, bool(arguments.nbest), written=written, lines=on_terminal)

    def _segments(self, heard: Iterable[Frame]) -> Iterator[TranscribedSegment]:
        config, models, biasing = self._config, self._models, self._biasing
        if self._arguments.no_endpoint:
            whole = transcribe_whole(heard, models.recognizer, biasing=biasing)
            yield TranscribedSegment(0.0, whole)
            return
        yield from transcribe_segments(
            heard,
            lambda: make_pipeline(config, models),
            models.recognizer,
            biasing,
            longest_seconds=min(LONGEST_SECONDS, config.endpoint.maximum_seconds),
        )

    def _draw(self, path: Path, name: str, words: tuple[Word, ...]) -> None:
        """Draw the context attention of a recording."""
        picture: Path = self._arguments.attention
        if len(self._arguments.files) > 1:
            picture = picture.with_stem(f"{picture.stem}-{name}")
        with FileSource(path) as source:
            samples = np.concatenate([*frames(source), np.zeros(0, np.int16)])
        seen = self._models.recognizer.attend(samples, self._biasing)
        if seen is not None:
            draw(seen, words, picture)


class _Output:
    """Standard output, or a file that is written at the end."""

    def __init__(self, progress: ProgressLine, folder: Path | None, name: str) -> None:
        """Write to standard output, or to a file in `folder` if one is given."""
        self._progress = progress
        self._file = folder / name if folder else None
        self._text: list[str] = []
        self._line_is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the last line, or write the file, even if the recording has failed half-way."""
        self._progress.clear()
        if self._file is None:
            if self._line_is_open:
                self.write("\n")
        elif any(self._text):
            self._save(self._file, "".join(self._text))

    def write(self, text: str) -> None:
        """Write some text at once."""
        if self._file is not None:
            self._text.append(text)
        elif text:
            self._progress.clear()
            sys.stdout.write(text)
            sys.stdout.flush()
            self._line_is_open = not text.endswith("\n")

    def _save(self, file: Path, text: str) -> None:
        try:
            replace_file(file, text.encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise StorageError(
                f"{file}: cannot be written ({error.strerror}); free some space or name another "
                "folder"
            ) from error


def _source(path: Path, raw: RawFormat | None) -> FileSource:
    """Return the source of a recording, to be opened."""
    if path != STANDARD_INPUT:
        return FileSource(path)
    if sys.stdin.isatty():
        raise AudioError("-: standard input is a terminal; pipe audio into it, or name a file")
    return PipedSource(sys.stdin.fileno(), raw)
