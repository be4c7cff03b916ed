"""The vocabulary file, and the daemon's encoder against sentencepiece itself."""

from __future__ import annotations

from pathlib import Path

import sentencepiece

from auricle.tokenizer import Tokenizer
from auricle_train.tokens.sentencepiece_vocabulary import learn, train_model

SENTENCES = [
    "turn on the kitchen light", "turn off the kitchen light", "play some music in the kitchen",
    "what's the weather tomorrow", "call the office", "set a timer for ten minutes",
    "turn the music off", "who is calling",
] * 5  # fmt: skip


def test_the_daemon_segments_text_as_sentencepiece_does(tmp_path: Path) -> None:
    learn(SENTENCES, 40, tmp_path / "tokens.txt")
    ours = Tokenizer.load(tmp_path / "tokens.txt")
    processor = sentencepiece.SentencePieceProcessor(model_proto=train_model(SENTENCES, 40))
    assert len(ours) == 40
    for sentence in SENTENCES[:8]:
        assert ours.encode(sentence) == processor.encode(sentence)
    assert (tmp_path / "tokens.txt").read_text().startswith("<blank>\t0\n")
