"""N-best lists on disk, one JSON file per cache shard, decoded offline for `train-mwer`.

In: a cache and a top. Out: for each utterance the n best token sequences and the word errors of
each. The lists belong to one top; each file stores its digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from auricle.errors import ModelError, StorageError
from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import read_shard
from auricle_train.models.top import Top
from auricle_train.text.word_errors import compare
from auricle_train.top.data import Example, batch_of, examples_of, fits, grouped
from auricle_train.top.nbest import BeamOptions, Hypothesis, nbest
from auricle_train.top.training import after_skipped
from auricle_train.training.precision import computing

FORMAT = 1


@dataclass(frozen=True)
class ListOptions:
    """Options for decoding the lists."""

    beam: BeamOptions = BeamOptions()
    longest: float = 12.0  # longer utterances get no list, in seconds
    batch_seconds: float = 200.0  # audio decoded at once


@dataclass(frozen=True)
class Listed:
    """An utterance and its n-best list."""

    example: Example
    hypotheses: tuple[tuple[int, ...], ...]
    errors: tuple[int, ...]  # word errors of each hypothesis


def top_digest(top: Top) -> str:
    """Return a hash of a top's weights."""
    found = hashlib.sha256()
    for name, value in sorted(top.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def list_path(folder: Path, shard: Path) -> Path:
    """Return the path of the lists of a shard."""
    return folder / f"{shard.parent.name}-{shard.name}"


def short_examples(
    shard: Path, top: Top, encoder: str, tokenizer: Tokenizer, longest: float
) -> list[Example]:
    """Return the utterances of a shard that get a list: not empty, at most `longest` seconds."""
    utterances = read_shard(shard, top.shape.streams, encoder)
    return [item for item in examples_of(utterances, tokenizer)
            if item.seconds <= longest and item.tokens]  # fmt: skip


def write_lists(
    shards: Sequence[Path], folder: Path, top: Top, encoder: str, tokenizer: Tokenizer,
    options: ListOptions = ListOptions(),
) -> None:  # fmt: skip
    """Decode the shards that have no lists yet; each file is written atomically.

    Args:
        shards: index files of a cache.
        folder: folder for the lists; created if missing.
        top: top in evaluation mode.
        encoder: digest of the frozen encoder that the top was trained on.
        tokenizer: tokenizer of the first pass.
        options: must be the same for all lists in the folder.

    Raises:
        ModelError: the folder holds lists of another top or with other options.
        StorageError: the lists cannot be written; lists of finished shards are kept.
    """
    head = {"format": FORMAT, "top": top_digest(top), "encoder": encoder,
            "longest": options.longest, **options.beam.as_dict()}  # fmt: skip
    for shard in shards:
        path = list_path(folder, shard)
        if path.exists():
            _check(path, _read(path), head)
            continue
        began = time.monotonic()
        examples = short_examples(shard, top, encoder, tokenizer, options.longest)
        rows = _decoded(top, examples, tokenizer, options)
        _write(path, head | {"rows": rows})
        seconds = sum(item.seconds for item in examples)
        speed = seconds / max(time.monotonic() - began, 1e-9)
        print(f"{path.name}: {len(rows)} utterances, {seconds / 3600:.2f} h, {speed:.0f} times "
              "real time", flush=True)  # fmt: skip


def read_lists(
    shards: Sequence[Path], folder: Path, top: Top, digests: tuple[str, str], tokenizer: Tokenizer
) -> list[Listed]:
    """Return the utterances of all shards that have lists.

    Args:
        shards: index files of a cache.
        folder: folder written by `write_lists`.
        top: selects the cached streams to read, by its shape.
        digests: digests of the top that made the lists and of the frozen encoder.
        tokenizer: tokenizer of the first pass.

    Raises:
        ModelError: there are no lists, or they belong to another top, do not match the cache, or
            are damaged.
    """
    found: list[Listed] = []
    for shard in shards:
        path = list_path(folder, shard)
        if not path.exists():
            continue
        saved = _read(path)
        _check(path, saved, {"format": FORMAT, "top": digests[0], "encoder": digests[1]})
        examples = short_examples(shard, top, digests[1], tokenizer, saved["longest"])
        if len(examples) != len(saved["rows"]):
            raise ModelError(
                f"{path}: has lists for {len(saved['rows'])} utterances, but the shard has "
                f"{len(examples)}: run `decode-nbest` with another folder"
            )
        for example, (hypotheses, errors) in zip(examples, saved["rows"], strict=True):
            found.append(Listed(example, tuple(map(tuple, hypotheses)), tuple(errors)))
    if not found:
        raise ModelError(f"{folder}: has no lists of this cache: run `decode-nbest` first")
    return found


def _decoded(
    top: Top, examples: Sequence[Example], tokenizer: Tokenizer, options: ListOptions
) -> list[tuple[list[tuple[int, ...]], list[int]]]:
    """Return the hypotheses and word errors of each utterance, in input order."""
    rows: dict[int, tuple[list[tuple[int, ...]], list[int]]] = {}
    numbers = sorted(range(len(examples)), key=lambda n: examples[n].utterance.search_frames)
    for group in grouped(numbers, [item.seconds for item in examples], options.batch_seconds):
        members = [examples[number] for number in group]
        for number, found in zip(group, decode(top, members, options.beam), strict=True):
            rows[number] = _row(examples[number], found, tokenizer)
    return [rows[number] for number in range(len(examples))]


def _row(
    example: Example, found: Sequence[Hypothesis], tokenizer: Tokenizer
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Return the hypotheses that CTC can align, or else the transcript, and their errors."""
    utterance = example.utterance
    tokens = [one.tokens for one in found if fits(one.tokens, utterance)] or [example.tokens]
    return tokens, [compare(utterance.text, tokenizer.decode(list(one))).errors for one in tokens]


@torch.no_grad()
def decode(top: Top, examples: Sequence[Example], options: BeamOptions) -> list[list[Hypothesis]]:
    """Return the n-best list of each utterance, decoded as one batch."""
    device = top.output.weight.device
    batch = batch_of(examples).to(device)
    with computing(device):
        encoded = top.encode(batch.stacked).float()
    return nbest(top, *after_skipped(encoded, batch), options)


def _read(path: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved["rows"], list):
            raise TypeError("rows are not a list")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not n-best lists ({error}): remove it and run again") from error
    return saved


def _check(path: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    other = {name: saved.get(name) for name, value in wanted.items() if saved.get(name) != value}
    if other:
        raise ModelError(
            f"{path}: made with {other}, expected {[wanted[name] for name in other]}: "
            "run `decode-nbest` with another folder"
        )


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(content), encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: not written: {error}: free some space and run again"
        ) from error
