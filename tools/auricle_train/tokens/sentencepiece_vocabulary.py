"""Learns sentencepieces from text and writes the vocabulary file of the daemon.

In: sentences. Out: `tokens.txt`, one piece per line, blank first, as read by `auricle.tokenizer`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import sentencepiece


def train_model(sentences: Sequence[str], size: int) -> bytes:
    """Return a unigram model (arXiv:1804.10959) of `size` pieces, including the unknown piece."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        vocab_size=size,
        model_type="unigram",
        character_coverage=1.0,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=2,
        num_threads=1,
    )
    return model.getvalue()


def learn(sentences: Sequence[str], size: int, path: Path) -> None:
    """Write a vocabulary of `size` tokens; blank replaces the unknown piece."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=train_model(sentences, size))
    lines = ["<blank>\t0"] + [
        f"{processor.id_to_piece(number)}\t{processor.get_score(number):.6g}"
        for number in range(1, processor.get_piece_size())
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
