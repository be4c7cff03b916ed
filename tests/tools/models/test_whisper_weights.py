"""Whisper's file: its weights, sizes and tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle_train.models.attention_decoder import LEVELS
from auricle_train.models.whisper_weights import read_part, read_tokens
from auricle_train.tokens.whisper_vocabulary import ENGLISH_END, cut, prompt, sources, write
from auricle_train.training.config import Plan
from auricle_train.training.run import Origin
from testbed.small_training import SHAPE, TOKENS, write_ctranslate2, write_whisper


def test_whisper_weights_are_read_from_ctranslate2(tmp_path: Path) -> None:
    weights = np.arange(6, dtype=np.float16).reshape(2, 3)
    path = tmp_path / "model.bin"
    write_ctranslate2(path, "WhisperSpec", {
        "encoder/conv1/weight": weights, "decoder/other": np.ones(2, np.float32)})  # fmt: skip
    read = read_part(path, "encoder")
    assert list(read) == ["conv1/weight"]
    np.testing.assert_array_equal(read["conv1/weight"], weights.astype(np.float32))


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    write_ctranslate2(path, "TransformerSpec", {})
    with pytest.raises(ValueError, match="not a CTranslate2 Whisper model"):
        read_part(path, "encoder")


def test_english_and_multilingual_models_expect_other_tokens_before_the_text() -> None:
    assert prompt(TOKENS) == [53, 54, 55, 56]
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|notimestamps|>"]
    assert prompt(["a"] * ENGLISH_END + special) == [50257, 50259]


@pytest.mark.parametrize("encoder", ["attention", "lstm"])
def test_networks_have_the_sizes_of_the_whisper_they_start_as(tmp_path: Path, encoder: str) -> None:
    whisper = write_whisper(tmp_path, replace(SHAPE, width=48, heads=3, layers=2, decoder_layers=3))
    vocabulary, pieces = tmp_path / "tokens.txt", tmp_path / "pieces.txt"
    vocabulary.write_text("<blank>\t0\n▁a\t-1\n", encoding="utf-8")
    write(cut(read_tokens(whisper), {"a": 1.0, "cab": 2.0}, 30), pieces)
    objective = Origin(whisper, vocabulary, pieces, encoder).build(Plan(soft=1.0))
    shape = objective.model.shape
    assert (shape.width, shape.heads, shape.layers, shape.decoder_layers) == (48, 3, 2, 3)
    assert (shape.vocabulary, shape.pieces, shape.prompt, shape.encoder) == (2, 30, 4, encoder)
    table = read_part(whisper, "decoder")["embeddings/weight"]
    tokens = sources(pieces, read_tokens(whisper))
    teacher, student = objective.teachers.decoder, objective.model.decoder
    np.testing.assert_array_equal(teacher.embedding.weight.numpy(), table[tokens])
    rounded = student.embedding.weight.detach().numpy()
    steps = rounded / np.abs(table[tokens]).max(axis=1, keepdims=True) * LEVELS
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(rounded - table[tokens]).max() <= np.abs(table).max() / LEVELS / 2 + 1e-6
    logits = objective.teachers.decoder(torch.zeros(1, 5, 48), torch.ones(1, 5) > 0,
                                        torch.tensor([[3, 4]]))  # fmt: skip
    assert logits.shape == (1, 3, 30)
