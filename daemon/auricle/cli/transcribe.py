"""`auricle transcribe FILE...`: runs the daemon's pipeline on recordings, without a wake word."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from auricle.audio.file import FileSource
from auricle.audio.source import frames
from auricle.biasing.biasing import Biasing
from auricle.cli.attention_picture import draw
from auricle.cli.recordings import readable_recordings
from auricle.compute.budget import SECOND_PASSES
from auricle.config import Config, load
from auricle.config.locations import find_config
from auricle.context.file import read_context
from auricle.errors import ArgumentError, AuricleError
from auricle.lattice.files import make_folder, name_each, write_lattice
from auricle.offline.transcription import Transcription, transcribe, transcribe_whole
from auricle.service.assembly import Models, budget_of, load_models, make_pipeline

MOST_HYPOTHESES = 100
DESCRIPTION = """\
Recognize speech in recordings (WAV, FLAC, Ogg and others) as the daemon would, but without a wake
word: from the start of each recording until the end-pointer fires, or to the end. As in the daemon,
recognition stops if nothing is said for some seconds.

With --json, the command prints one object per recording, with the keys
  file, seconds     the recording and its length
  text              the recognized text; empty if there was no speech
  nbest             hypotheses {text, score}, best first; score is a natural log probability
  words             {word, start, end, confidence}
  names             {kind, written, id, start, end} of the names of --context among the words; kind
                    is the list with the name; written and id are as in the file; id may be empty
  partials          {text, time, settled} of each partial result, in order; settled is the number of
                    first words that no later partial result changes, up to a speculative result; a
                    text is repeated when its settled part grows; empty with --no-endpoint
  speculative       {text, time} of the last speculative result; null if there was none
  revised           whether a speculative result was withdrawn
  final             {text, time}
  intent            null
  compute_seconds   computing time
Times are in seconds from the start of the recording. The times of partials, speculative and final
say when the result was known: the end of the audio used for it, or the time of the end-pointer,
plus the computing delay.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a recording")
    parser.add_argument("--json", action="store_true", help="print one JSON object per recording")
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
        "--context",
        metavar="FILE",
        type=Path,
        help="YAML file with lists of names that recognition favours: contacts, appliances, media",
    )
    parser.add_argument(
        "--attention",
        metavar="PICTURE",
        type=Path,
        help="draw the context attention on the names of --context over time (.png, .svg or "
        ".pdf); with several recordings, each gets a picture PICTURE-NAME",
    )
    parser.add_argument(
        "--second-pass",
        choices=SECOND_PASSES,
        help="mode of the second pass over the finished command (default: from the configuration)",
    )
    parser.add_argument(
        "--no-endpoint",
        action="store_true",
        help="decode each recording to its end, without end-pointing",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )


def count_of_hypotheses(text: str) -> int:
    """Return the argument of `--nbest`; argparse turns ValueError into a usage error."""
    count = int(text)
    if not 1 <= count <= MOST_HYPOTHESES:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {MOST_HYPOTHESES}")
    return count


def run(arguments: argparse.Namespace) -> int:
    """Print the text of each recording; return 1 if one of them failed, else 0."""
    config = _config_of(arguments)
    context = read_context(arguments.context) if arguments.context else None
    if arguments.lattice:
        make_folder(arguments.lattice)
    files = readable_recordings(arguments.files)
    if not files:
        return 1
    budget = budget_of(config)
    models = load_models(config, budget, wake=False)
    biasing = models.recognizer.biasing_of(context) if context else None
    if arguments.attention and (biasing is None or biasing.keys is None):
        raise ArgumentError(
            "--attention: there are no names, or the bundle has no context attention; give names "
            "with --context, and configure a bundle with context attention"
        )
    status = 1 if len(files) < len(arguments.files) else 0
    for path, name in zip(files, name_each(files), strict=True):
        try:
            done = recognize(path, config, models, biasing, endpoint=not arguments.no_endpoint)
            line = as_line(path, done) if arguments.json else as_text(path, done, arguments.nbest)
            sys.stdout.write(line)
            sys.stdout.flush()
            if arguments.lattice:
                write_lattice(arguments.lattice, name, done.result.lattice)
            if arguments.attention:
                picture = arguments.attention
                if len(arguments.files) > 1:
                    picture = picture.with_stem(f"{picture.stem}-{name}")
                picture_attention(path, models, biasing, done, picture)
        except AuricleError as error:
            sys.stderr.write(f"auricle: {error}\n")
            status = 1
    return status


def _config_of(arguments: argparse.Namespace) -> Config:
    """Return the configuration with the options of the command line."""
    config = load(arguments.config or find_config())
    settings = config.recognizer
    if arguments.nbest:
        settings = replace(settings, nbest=arguments.nbest)
    if arguments.second_pass:
        settings = replace(settings, second_pass=arguments.second_pass)
    return replace(config, recognizer=settings)


def recognize(
    path: Path, config: Config, models: Models, biasing: Biasing | None, *, endpoint: bool
) -> Transcription:
    """Return the transcription of a recording, with contextual biasing."""
    with FileSource(path) as source:
        if endpoint:
            pipeline = make_pipeline(config, models)
            pipeline.set_biasing(biasing)
            return transcribe(frames(source), pipeline)
        return transcribe_whole(frames(source), models.recognizer, biasing=biasing)


def picture_attention(
    path: Path, models: Models, biasing: Biasing | None, done: Transcription, picture: Path
) -> None:
    """Draw the context attention of a recording."""
    with FileSource(path) as source:
        samples = np.concatenate([*frames(source), np.zeros(0, np.int16)])
    seen = models.recognizer.attend(samples, biasing)
    if seen is not None:
        draw(seen, done.result.words, picture)


def as_text(path: Path, done: Transcription, nbest: int | None) -> str:
    """Return the result as text; with `nbest`, the hypotheses follow on separate lines."""
    lines = [f"{path}: {done.result.text or '(no speech)'}"]
    if nbest:
        lines += [f"  {one.score:9.2f}  {one.text}" for one in done.result.nbest]
    return "\n".join(lines) + "\n"


def as_line(path: Path, done: Transcription) -> str:
    """Return the result as one line of JSON."""
    speculative = done.speculative and {
        "text": done.speculative.text,
        "time": round(done.speculative.time, 3),
    }
    content = {
        "file": str(path),
        "seconds": round(done.seconds, 3),
        "text": done.result.text,
        "nbest": [{"text": one.text, "score": round(one.score, 4)} for one in done.result.nbest],
        "words": [
            {
                "word": word.word,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "confidence": round(word.confidence, 4),
            }
            for word in done.result.words
        ],
        "names": [
            {
                "kind": name.kind,
                "written": name.written,
                "id": name.id,
                "start": round(name.start, 3),
                "end": round(name.end, 3),
            }
            for name in done.result.names
        ],
        "partials": [
            {"text": known.text, "time": round(known.time, 3), "settled": known.settled}
            for known in done.partials
        ],
        "speculative": speculative,
        "revised": done.revised,
        "final": {"text": done.final.text, "time": round(done.final.time, 3)},
        "intent": None,
        "compute_seconds": round(done.compute_seconds, 4),
    }
    return json.dumps(content, ensure_ascii=False) + "\n"
