"""A causal language model from Hugging Face, instead of the bundle's.

In: a name or a folder. Out: a `Language`. It needs PyTorch and transformers, which the service does
not need otherwise. Name placeholders are replaced by words, which such a model knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle.errors import ModelError
from reranker.vocabulary import KINDS

STAND_INS = dict(zip(KINDS, ("alex", "lamp", "yesterday", "alex"), strict=True))
MOST_TEXTS = 32  # texts per batch
LONGEST = 256  # maximum tokens per reading; a longer one and all after it get no score


class HuggingFaceLanguage:
    """Implements `reranker.language_model.Language`."""

    def __init__(self, model: object, tokenizer: object) -> None:
        """Store a model and a tokenizer loaded by `transformers`."""
        self._model = model
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, name: str) -> HuggingFaceLanguage:
        """Load a model by its name or from its folder; raises ModelError."""
        try:
            import torch  # noqa: F401, PLC0415
            from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
        except ImportError as error:
            raise ModelError(
                f"--model: hf:{name}: {error.name} is not installed; `pip install torch "
                "transformers`, or name a bundle"
            ) from error
        try:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise ModelError(f"--model: hf:{name}: cannot be loaded ({error})") from error
        if tokenizer.bos_token_id is None and tokenizer.eos_token_id is None:
            raise ModelError(f"--model: hf:{name}: has no start or end token: use another model")
        return cls(model.eval(), tokenizer)

    def score(self, lattices: Sequence[Sequence[Sequence[str]]]) -> list[list[float]]:
        """See `Language.score`."""
        chosen = [self._affordable(readings) for readings in lattices]
        flat = [tokens for readings in chosen for tokens in readings]
        scores: list[float] = []
        for first in range(0, len(flat), MOST_TEXTS):
            scores += self._score(flat[first : first + MOST_TEXTS])
        found = iter(scores)
        return [[next(found) for _ in readings] for readings in chosen]

    def _affordable(self, readings: Sequence[Sequence[str]]) -> list[list[int]]:
        chosen = []
        for words in readings:
            text = " ".join(map(_plain, words))
            tokens = self._tokenizer.encode(text, add_special_tokens=False)  # type: ignore[attr-defined]
            if len(tokens) > LONGEST:
                break
            chosen.append(tokens)
        return chosen

    def _score(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """Return the log probability of each text, including its end token if the model has one."""
        import torch  # noqa: PLC0415

        ends = self._tokenizer.eos_token_id  # type: ignore[attr-defined]
        begins = self._tokenizer.bos_token_id  # type: ignore[attr-defined]
        begins = ends if begins is None else begins
        rows = [[begins, *tokens, *([] if ends is None else [ends])] for tokens in texts]
        width = max(map(len, rows))
        padded = torch.tensor([row + [begins] * (width - len(row)) for row in rows])
        there = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        with torch.inference_mode():
            logits = self._model(input_ids=padded, attention_mask=there).logits  # type: ignore[operator]
        log_probs = logits[:, :-1].float().log_softmax(dim=-1)
        taken = log_probs.gather(2, padded[:, 1:, None])[:, :, 0] * there[:, 1:]
        totals: list[float] = taken.sum(dim=1).tolist()
        return totals


def _plain(word: str) -> str:
    """Return the word, or a stand-in for a name placeholder."""
    kind, dash, letters = word.partition("-")
    hidden = dash and kind in STAND_INS and 1 <= len(letters) <= 2
    return STAND_INS[kind] if hidden else word
