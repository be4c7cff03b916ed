"""The vocabulary of the second pass, and transcripts as Whisper writes them."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.tokenizer import Tokenizer
from auricle_train.data.corpus import Clip
from auricle_train.distillation.scribe import Scribe
from auricle_train.models.attention_decoder import AttentionDecoder, Stepper
from auricle_train.tokens.whisper_vocabulary import cut, merge, sources, usable, write
from testbed.small_training import tone, write_whisper

MERGED = ["Ġt", "Ġth", "Ġthe", "Ġl", "ig", "ht", "ight", "Ġlight", "ĠL", "Ġ7", "Ġ(", "Ġ,"]
TOKENS = [*string.ascii_letters, "Ġ", *"0123456789", ",", ".", "?", "!", "-", *MERGED,
          "<|endoftext|>", "<|startoftranscript|>"]  # fmt: skip


def ranks() -> Mapping[str, int]:
    return {token.replace("Ġ", "▁"): number for number, token in enumerate(TOKENS)}


def test_letters_and_marks_are_kept_and_digits_and_signs_are_not() -> None:
    known = usable(TOKENS)
    assert {"a", "A", ",", ".", "-", "▁the", "▁light", "▁L"} <= known.keys()
    assert not known.keys() & {"7", "▁7", "▁(", "▁", "▁,", "<|endoftext|>"}
    assert all(TOKENS[number].replace("Ġ", "▁") == piece for piece, number in known.items())


def test_words_are_split_as_byte_pairs_are_merged() -> None:
    assert merge("▁the", ranks()) == ["▁the"]
    assert merge("▁light", ranks()) == ["▁light"]
    assert merge("▁Light", ranks()) == ["▁L", "ight"]
    assert merge("▁thigh", ranks()) == ["▁th", "ig", "h"]


def test_what_is_used_most_stays_and_every_letter_does(tmp_path: Path) -> None:
    letters = 2 * 26 + 5 + 3  # small ones, capitals, marks, and three that begin a word
    pieces = cut(TOKENS, {"light": 5.0, "the": 1.0}, letters + 1 + 2)
    assert [piece for piece in pieces if len(piece.strip("▁")) > 1] == ["▁the", "▁light"]
    write(pieces, tmp_path / "pieces.txt")
    tokens = sources(tmp_path / "pieces.txt", TOKENS)
    assert [TOKENS[number] for number in tokens[1:]] == [
        piece.replace("▁", "Ġ") for piece in Tokenizer.load(tmp_path / "pieces.txt").pieces[1:]
    ]
    assert TOKENS[tokens[0]] == "<|endoftext|>"


def test_more_pieces_than_there_are_cannot_be_had() -> None:
    with pytest.raises(ValueError, match="size: 1000 exceeds the"):
        cut(TOKENS, {}, 1000)


def test_piece_by_piece_the_decoder_says_what_it_says_at_once() -> None:
    torch.manual_seed(0)
    decoder = AttentionDecoder(16, 2, 32, 2, 20, 2).eval()
    for table in decoder.tables:
        torch.nn.init.normal_(table)
    frames, heard = torch.randn(2, 9, 16), torch.arange(9)[None] < torch.tensor([[9], [4]])
    pieces = torch.randint(20, (2, 6))
    with torch.no_grad():
        stepper = Stepper(decoder, frames, heard)
        one_by_one = [stepper.logits, *(stepper.step(piece) for piece in pieces.T)]
        torch.testing.assert_close(torch.stack(one_by_one, 1), decoder(frames, heard, pieces))


def test_a_transcript_is_written_with_its_own_words(tmp_path: Path) -> None:
    scribe = Scribe(write_whisper(tmp_path))
    clips = [tone(300, "lo hi"), tone(500, "a longer one", seconds=1.5), tone(400, "")]
    written = {clip.text: text for clip, text in scribe.write(clips)}
    assert written == {text: text for text in ("lo hi", "a longer one", "")}  # it has no capitals


def test_clips_of_any_length_are_heard(tmp_path: Path) -> None:
    scribe = Scribe(write_whisper(tmp_path))
    clip = Clip("one", np.zeros(1001, np.int16), "lo", "")
    assert [text for _, text in scribe.write([clip])] == ["lo"]
