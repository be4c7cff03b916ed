"""Loads a recogniser from a bundle: loads the networks, checks that they fit, and runs each once.

In: a bundle of kind "recognizer" and the options of each part. Out: a `Recognizer`, or a ModelError
that names the file.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auricle.biasing.biasing import BiasingBuilder, BiasingOptions
from auricle.biasing.context_attention import Attention, ContextEncoder, QueryEncoder
from auricle.biasing.respelling import Spellings
from auricle.biasing.vocabulary import Vocabulary
from auricle.bundle.manifest import Bundle
from auricle.errors import ArgumentError, ModelError
from auricle.features import BANDS, DEFINITION, FRAME_SECONDS, SILENCE
from auricle.recognizer.attention_decoder import AttentionDecoder
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.encoder import Encoder, TransducerScorer
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.recognizer import ENCODER_STRIDE, Recognizer
from auricle.recognizer.second_pass import SecondPass, SecondPassMode, SecondPassOptions
from auricle.recognizer.shallow_fusion import Weights
from auricle.recognizer.transducer import Scorer
from auricle.recognizer.word_model import WordModel
from auricle.tokenizer import Tokenizer

# Optional files of a bundle.
LANGUAGE = "ngram.bin"  # token language model
WORDS = "words.bin"  # lexicon and word language model
SPELLINGS = "spellings.tsv"  # rules for respelling names
NAMES = ("listener.tflite.gz", "names.tflite.gz")  # query encoder and context encoder


def load_recognizer(
    bundle: Bundle,
    options: SearchOptions,
    threads: int,
    runtime: str = "auto",
    second: SecondPassOptions | None = None,
    biasing: BiasingOptions | None = None,
) -> Recognizer:
    """Load the networks of a bundle.

    Args:
        bundle: bundle of kind "recognizer".
        options: options of the beam search. `frame_seconds` always comes from the bundle, and
            `weights` do if they are None.
        threads: threads for one run of a network.
        runtime: see `auricle.tflite.runtime.load_interpreter`.
        second: options of the second pass; None: the defaults.
        biasing: how large the bonus of a name is; None: the defaults.

    Raises:
        ModelError: a network is damaged, the parts do not fit each other, or the bundle was made
            for other features.
    """
    frame = _whole(bundle, "frame_features")
    _check(bundle, "features", DEFINITION)
    tokenizer = Tokenizer.load(bundle.path("tokens.txt"))
    encoder = Encoder(
        bundle.path("trunk.tflite.gz"), bundle.path("top.tflite.gz"), threads, runtime
    )
    scorer = TransducerScorer(
        bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads, runtime
    )
    _check(bundle, "chunk_features", encoder.chunk)
    expected = (encoder.chunk // frame, scorer.width)
    sizes = encoder.vocabulary, scorer.vocabulary
    if encoder.frames != expected or set(sizes) != {len(tokenizer)}:
        raise _misfit(
            bundle,
            f"encoder gives {encoder.frames}, not {expected}, or CTC and joint have {sizes} "
            f"tokens, not {len(tokenizer)}",
        )
    _try(encoder, scorer)
    search = load_search(bundle, scorer, tokenizer, options)
    wanted = second or SecondPassOptions()
    attention = _load_second(bundle, tokenizer, wanted, threads, runtime)
    names = _load_names(bundle, encoder, threads, runtime) if attention else None
    builder = BiasingBuilder(
        tokens=Vocabulary(tokenizer),
        pieces=Vocabulary(attention.pieces) if attention else None,
        options=biasing,
        spellings=Spellings.load(bundle.path(SPELLINGS)) if SPELLINGS in bundle.files else None,
        encoder=names.encoder if names else None,
    )
    listener = names.listener if names else None
    return Recognizer(encoder, search, frame, attention, builder, listener)


def load_search(
    bundle: Bundle, scorer: Scorer, tokenizer: Tokenizer, options: SearchOptions
) -> BeamSearch:
    """Return the beam search with the language models of a bundle.

    Args:
        bundle: bundle of kind "recognizer".
        scorer: predictor and joint.
        tokenizer: vocabulary of the first pass.
        options: see `load_recognizer`.

    Raises:
        ModelError: a language model is damaged or was made for other tokens.
    """
    options = replace(options, frame_seconds=_whole(bundle, "frame_features") * FRAME_SECONDS)
    if options.weights is None:
        options = replace(options, weights=_weights(bundle))
    language = words = None
    if LANGUAGE in bundle.files:
        language = LanguageModel.load(bundle.path(LANGUAGE), tokenizer.pieces)
    if WORDS in bundle.files:
        words = WordModel.load(bundle.path(WORDS), tokenizer.pieces)
    return BeamSearch(scorer, tokenizer.pieces, options, language, words)


def _load_names(bundle: Bundle, encoder: Encoder, threads: int, runtime: str) -> Attention | None:
    """Return the networks of context attention; None if the bundle has none."""
    if NAMES[0] not in bundle.files:
        return None
    paths = [bundle.path(name) for name in NAMES]
    attention = Attention(
        ContextEncoder(paths[1], 1, runtime), QueryEncoder(paths[0], threads, runtime)
    )
    chunk = encoder.chunk // ENCODER_STRIDE, encoder.width
    expected, listener = (chunk, encoder.frames[0]), attention.listener
    if (listener.chunk, listener.frames) != expected:
        raise _misfit(
            bundle,
            f"context attention reads {listener.chunk} for {listener.frames} search frames, but "
            f"the encoder gives {chunk} for {encoder.frames[0]}",
        )
    return attention


def _weights(bundle: Bundle) -> Weights:
    """Return the weights of the language models from the bundle's settings; default 0."""
    value = bundle.settings.get("language_weights", {})
    try:
        return Weights(**value)
    except (TypeError, ArgumentError) as error:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.language_weights: {value!r}: {error}; "
            "install the bundle again"
        ) from error


def _load_second(
    bundle: Bundle,
    tokens: Tokenizer,
    options: SecondPassOptions,
    threads: int,
    runtime: str,
) -> SecondPass | None:
    """Return the second pass; None if the bundle has none or its mode is OFF."""
    if options.mode is SecondPassMode.OFF or bundle.settings.get("second_pass") is not True:
        return None
    pieces = Tokenizer.load(bundle.path("pieces.txt"))
    decoder = AttentionDecoder(
        bundle.path("memory.tflite.gz"), bundle.path("decoder.tflite.gz"), threads, runtime
    )
    if decoder.vocabulary != len(pieces):
        raise _misfit(bundle, f"the decoder has {decoder.vocabulary} pieces, not {len(pieces)}")
    decoder.begin(np.full((2, BANDS), SILENCE, np.float32))  # see `_try`
    return SecondPass(decoder, pieces, tokens, options)


def _misfit(bundle: Bundle, fault: str) -> ModelError:
    """Return the error for parts that do not fit each other."""
    return ModelError(
        f"{bundle.folder}: {fault}: its files do not fit each other; install the bundle again"
    )


def _try(encoder: Encoder, scorer: TransducerScorer) -> None:
    """Run each network once, so that one that fails does so now and not at the first command."""
    encoder.step(encoder.initial_state(), np.full((encoder.chunk, BANDS), SILENCE, np.float32))
    last = scorer.vocabulary - 1
    scorer.log_probs(np.zeros(scorer.width, np.float32), [(0, 0), (last, last)])


def _check(bundle: Bundle, key: str, expected: str | int) -> None:
    """Raise ModelError if a setting of the bundle differs from what this version needs."""
    value = bundle.settings.get(key)
    if value != expected:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not {expected!r}; "
            "install a bundle that was made for this Auricle"
        )


def _whole(bundle: Bundle, key: str) -> int:
    """Return a setting of the bundle that must be a whole number above 0."""
    value = bundle.settings.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not a whole number "
            "above 0; install the bundle again"
        )
    return value
