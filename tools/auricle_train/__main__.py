"""`python -m auricle_train STEP`: each step of the training is one command."""

from __future__ import annotations

import argparse
from pathlib import Path


def read_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="auricle_train", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    vocabulary = steps.add_parser("vocabulary", help="learn the sentencepieces")
    vocabulary.add_argument("--data", type=Path, required=True)
    vocabulary.add_argument("--size", type=int, default=512)
    vocabulary.add_argument("--out", type=Path, required=True)
    train = steps.add_parser("train", help="train the transducer, or resume")
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--whisper", type=Path, required=True, help="CTranslate2's model.bin")
    train.add_argument("--vocabulary", type=Path, required=True)
    train.add_argument("--start", type=Path, help="weights of an earlier run, to go on from")
    train.add_argument("--minutes", type=float, default=90.0)
    train.add_argument("--threads", type=int, default=2)
    train.add_argument("--out", type=Path, required=True)
    bundle = steps.add_parser("bundle", help="export a checkpoint for the daemon")
    bundle.add_argument("--checkpoint", type=Path, required=True)
    bundle.add_argument("--vocabulary", type=Path, required=True)
    bundle.add_argument("--name", default="en-tiny")
    bundle.add_argument("--version", default="0.1.0")
    bundle.add_argument("--results", type=Path, help="YAML of what was measured, for the manifest")
    bundle.add_argument("--out", type=Path, required=True)
    reference = steps.add_parser("reference", help="write what PyTorch computes, for the tests")
    reference.add_argument("--checkpoint", type=Path, required=True)
    reference.add_argument("--vocabulary", type=Path, required=True)
    reference.add_argument("--recording", type=Path, required=True)
    reference.add_argument("--out", type=Path, required=True)
    evaluate = steps.add_parser("evaluate", help="word error rate and latency on real recordings")
    evaluate.add_argument("--data", type=Path, required=True)
    evaluate.add_argument("--bundle", default="en-tiny", help="name or absolute path")
    evaluate.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")
    return parser.parse_args()


def main() -> None:
    """Run the step; imports are late, for each step needs other packages."""
    arguments = read_arguments()
    if arguments.step == "vocabulary":
        from auricle_train.corpus import SPEECH, read_set, read_texts
        from auricle_train.vocabulary import learn

        sentences = read_texts(arguments.data)
        for name in SPEECH:
            sentences += [clip.text for clip in read_set(arguments.data, name, "train")]
        learn([text for text in sentences if text], arguments.size, arguments.out)
    elif arguments.step == "train":
        from auricle_train.train import Plan
        from auricle_train.train import train as run

        run(arguments.data, arguments.whisper, arguments.vocabulary, arguments.out,
            Plan(minutes=arguments.minutes), arguments.threads, arguments.start)  # fmt: skip
    elif arguments.step == "bundle":
        from auricle_train.bundle import write_bundle

        write_bundle(
            arguments.checkpoint,
            arguments.vocabulary,
            arguments.name,
            arguments.version,
            arguments.out,
            arguments.results,
        )
    elif arguments.step == "reference":
        from auricle_train.reference import write_reference

        write_reference(
            arguments.checkpoint, arguments.vocabulary, arguments.recording, arguments.out
        )
    elif arguments.step == "evaluate":
        from auricle_train.evaluate import evaluate as measure

        measure(arguments.data, arguments.bundle, arguments.limit)


if __name__ == "__main__":
    main()
