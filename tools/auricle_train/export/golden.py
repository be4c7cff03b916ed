"""Writes reference outputs of PyTorch in float32, for the tests of the shipped graphs.

In: checkpoints, the bundle made from them, a recording. Out: an .npz file with search frames, CTC
and transducer log probabilities for a few contexts, the text that the daemon's search finds, and
the second pass's distribution after each piece of that text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.bundle.manifest import load_bundle
from auricle.features import BANDS, SILENCE, LogMel
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_search
from auricle.recognizer.transducer import Context
from auricle.tokenizer import Tokenizer
from auricle_train.models.dimensions import PADDING
from auricle_train.models.top import Top
from auricle_train.models.transducer import STRIDE, Transducer
from auricle_train.top.training import load_top
from auricle_train.training.checkpoint import load_model

CONTEXTS = ((0, 0), (0, 5), (7, 20), (100, 200))
BEST = 16  # pieces per position


class TorchScorer:
    """Predictor and joint in PyTorch, for the daemon's search."""

    def __init__(self, top: Top) -> None:
        self._top = top

    @torch.no_grad()
    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[Context]
    ) -> NDArray[np.float32]:
        """See `auricle.recognizer.beam_search.Scorer`."""
        predictions = self._top.predictions(torch.tensor(list(contexts)))
        logits = self._top.joint(torch.from_numpy(frame)[None], predictions)
        return logits.log_softmax(-1).numpy()


@torch.no_grad()
def encode(
    model: Transducer, top: Top, samples: NDArray[np.int16]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the joint's search frames and the CTC log probabilities of a recording.

    The last chunk is padded with silence.
    """
    features = LogMel().whole(samples)
    chunk = model.shape.chunk * STRIDE
    filled = np.full((-(-len(features) // chunk) * chunk, 80), SILENCE, np.float32)
    filled[: len(features)] = features
    frames = model.encoder(torch.from_numpy(filled[None]))
    encoded = top.encode(frames.reshape(1, frames.shape[1] // top.shape.stack, -1))
    encoded = encoded[:, : -(-len(features) // (STRIDE * top.shape.stack))]
    return top.project(encoded)[0].numpy(), top.ctc_log_probs(encoded)[0].numpy()


@torch.no_grad()
def judge(
    model: Transducer, samples: NDArray[np.int16], text: str, pieces: Tokenizer
) -> dict[str, NDArray[Any]]:
    """Return the second pass's best next pieces after each piece of a text.

    Its input is the whole recording with PADDING. `pieces` (n,) are the text, `likely`
    (n + 1, BEST) the best pieces at each position, `likely_log_probs` their natural logs.
    """
    features = LogMel().whole(samples)
    silence = np.full((len(features) % STRIDE + STRIDE * PADDING, BANDS), SILENCE, np.float32)
    whole = torch.from_numpy(np.concatenate([features, silence])[None])
    encoded = (model.second_encoder or model.encoder)(whole, chunked=False)
    heard = torch.ones(1, encoded.shape[1], dtype=torch.bool)
    tokens = torch.tensor(pieces.encode(f"{text.capitalize()}."), dtype=torch.long)
    best = model.decoder(encoded, heard, tokens[None]).log_softmax(-1)[0].topk(BEST)
    return {
        "pieces": tokens.numpy(),
        "likely": best.indices.numpy(),
        "likely_log_probs": best.values.numpy(),
    }


def write_reference(checkpoint: Path, top: Path, bundle: Path, recording: Path, out: Path) -> None:
    """Write the reference outputs for one recording.

    Args:
        checkpoint: checkpoint of `train` or `average`, with a second pass.
        top: checkpoint of `train-top`.
        bundle: bundle made from both; its vocabularies and language models are used.
        recording: any file that `auricle.audio.file` reads.
        out: .npz file.
    """
    model, samples = load_model(checkpoint), read_recording(recording)
    first, _ = load_top(top)
    frames, ctc = encode(model, first, samples)
    scorer, made = TorchScorer(first), load_bundle(bundle, "recognizer")
    tokens = Tokenizer.load(made.path("tokens.txt"))
    search = load_search(made, scorer, tokens, SearchOptions(beam=4))
    state, _ = search.step(search.initial_state(), frames, ctc)
    text = search.result(state).text
    np.savez_compressed(
        out,
        recording=recording.stem,
        frames=frames.astype(np.float16),
        ctc=ctc.astype(np.float16),
        contexts=np.array(CONTEXTS),
        log_probs=np.stack([scorer.log_probs(frame, CONTEXTS) for frame in frames]).astype(
            np.float16
        ),
        text=text,
        **judge(model, samples, text, Tokenizer.load(made.path("pieces.txt"))),
    )
