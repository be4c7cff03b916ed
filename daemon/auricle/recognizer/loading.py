"""From a bundle to a recogniser: its networks loaded, checked against each other, tried once.

In: a bundle of kind "recognizer" and the options of each part. Out: a `Recognizer`, or one clear
error that names the file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from auricle.biasing.biasing import BiasingOptions, build
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

LANGUAGE = "ngram.bin"  # file of the language model of tokens, which a bundle may lack
WORDS = "words.bin"  # file of the lexicon and the language model of words, which it may lack
SPELLINGS = "spellings.tsv"  # file of what becomes of names, which a bundle may lack
NAMES = ("listener.tflite.gz", "names.tflite.gz")  # of attention to names, which it may lack


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
        bundle: of kind "recognizer".
        options: of the search; `frame_seconds` is taken from the bundle, and `weights` if they
            are None: so they fit its networks.
        threads: how many threads one run of a network may take.
        runtime: see `auricle.tflite.runtime.load_interpreter`.
        second: of the second pass, if the bundle has one.
        biasing: how much names are favoured.

    Raises:
        ModelError: a network is damaged, the parts do not fit each other, or the bundle was made
            for other features.
    """
    frame = _whole(bundle, "frame_features")
    _check(bundle, "features", DEFINITION)
    tokenizer = Tokenizer.load(bundle.path("tokens.txt"))
    encoder = Encoder(bundle.path("encoder.tflite.gz"), threads, runtime)
    scorer = TransducerScorer(
        bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads, runtime
    )
    _check(bundle, "chunk_features", encoder.chunk)
    expected = (encoder.chunk // frame, scorer.width)
    sizes = encoder.vocabulary, scorer.vocabulary
    if encoder.frames != expected or set(sizes) != {len(tokenizer)}:
        raise _misfit(
            bundle,
            f"encoder gives {encoder.frames}, not {expected}, and CTC and joint know {sizes} "
            f"tokens of {len(tokenizer)}",
        )
    _try(encoder, scorer)
    search = load_search(bundle, scorer, tokenizer, options)
    wanted = second or SecondPassOptions()
    attention = _load_second(bundle, tokenizer, wanted, threads, runtime)
    names = _load_names(bundle, encoder, threads, runtime) if attention else None
    make_biasing = partial(
        build,
        tokens=Vocabulary(tokenizer),
        pieces=Vocabulary(attention.pieces) if attention else None,
        options=biasing,
        spellings=Spellings.load(bundle.path(SPELLINGS)) if SPELLINGS in bundle.files else None,
        encoder=names.encoder if names else None,
    )
    listener = names.listener if names else None
    return Recognizer(encoder, search, frame, attention, make_biasing, listener)


def load_search(
    bundle: Bundle, scorer: Scorer, tokenizer: Tokenizer, options: SearchOptions
) -> BeamSearch:
    """Return the search of the first pass with the language models of a bundle.

    Args:
        bundle: of kind "recognizer".
        scorer: predictor and joint, of the bundle or like them.
        tokenizer: encodes texts for the first pass.
        options: see `load_recognizer`.

    Raises:
        ModelError: a language model is damaged, or of other tokens.
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
    """Return attention to names, if the bundle has it."""
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
            f"attention to names reads {listener.chunk} for {listener.frames} search frames, the "
            f"encoder gives {chunk} for {encoder.frames[0]}",
        )
    return attention


def _weights(bundle: Bundle) -> Weights:
    """Return the weights of language models that the bundle names; without any, they are 0."""
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
    """Return the second pass, if the bundle has one and it is wanted."""
    if options.mode is SecondPassMode.OFF or bundle.settings.get("second_pass") is not True:
        return None
    pieces = Tokenizer.load(bundle.path("pieces.txt"))
    decoder = AttentionDecoder(
        bundle.path("memory.tflite.gz"), bundle.path("decoder.tflite.gz"), threads, runtime
    )
    if decoder.vocabulary != len(pieces):
        raise _misfit(bundle, f"the decoder knows {decoder.vocabulary} pieces of {len(pieces)}")
    decoder.begin(np.full((2, BANDS), SILENCE, np.float32))  # see `_try`
    return SecondPass(decoder, pieces, tokens, options)


def _misfit(bundle: Bundle, fault: str) -> ModelError:
    return ModelError(
        f"{bundle.folder}: {fault}: its files do not fit each other; install the bundle again"
    )


def _try(encoder: Encoder, scorer: TransducerScorer) -> None:
    """Run each network once, so that one that cannot run is told of now, not at a command."""
    encoder.step(encoder.initial_state(), np.full((encoder.chunk, BANDS), SILENCE, np.float32))
    last = scorer.vocabulary - 1
    scorer.log_probs(np.zeros(scorer.width, np.float32), [(0, 0), (last, last)])


def _check(bundle: Bundle, key: str, expected: str | int) -> None:
    """Raise ModelError for a setting that is not what this Auricle computes with."""
    value = bundle.settings.get(key)
    if value != expected:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not {expected!r}; "
            "install a bundle that was made for this Auricle"
        )


def _whole(bundle: Bundle, key: str) -> int:
    value = bundle.settings.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not a whole number "
            "above 0; install the bundle again"
        )
    return value
