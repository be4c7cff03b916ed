"""The reranker's language model: what it learns from, how it learns, and numpy that runs it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from auricle.errors import ModelError
from auricle_train.data.corpus import SPEECH
from auricle_train.reranker.bundle import write_bundle
from auricle_train.reranker.network import Transformer
from auricle_train.reranker.text import read
from auricle_train.reranker.training import Plan, Run, draw, encode, losses
from auricle_train.tokens.sentencepiece_vocabulary import learn
from reranker.hugging_face import HuggingFaceLanguage
from reranker.language_model import load
from reranker.network import Network, Shape
from reranker.tree import grow
from reranker.vocabulary import BOUNDARY, KINDS, Vocabulary

TABLE = "id\tsplit\tlanguage\tlicence\ttext\n"
SENTENCES = [
    f"{verb} the {place} {thing}"
    for verb in ("turn on", "turn off", "dim", "open", "close")
    for place in ("kitchen", "bedroom", "garden", "hall")
    for thing in ("light", "lamp", "door", "window", "blinds")
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sets without a clip, but for what one of them says in the dev split, and texts."""
    folder = tmp_path / "data"
    (folder / "text").mkdir(parents=True)
    for name in SPEECH:
        (folder / f"{name}.tsv").write_text(TABLE)
    (folder / "kathleen.tsv").write_text(f"{TABLE}1\tdev\ten\tCC0\tdim the hall lamp\n")
    texts = "\n".join(f"tmpl\t{sentence}" for sentence in [*SENTENCES, "call tracy mora"])
    (folder / "text" / "texts.tsv").write_text(f"{texts}\n")
    slots = [{"name": "artist", "value": "Abba", "start": 5, "end": 9}]
    lines = [
        {"text": "play Abba now", "slots": slots, "split": "train"},
        {"text": "open the hall door", "slots": [], "split": "test"},
    ]
    with gzip.open(folder / "text" / "nlu.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return folder


def test_what_others_are_measured_with_is_not_learned_and_names_are_hidden(data: Path) -> None:
    sources = read(data, [])
    every = {
        " ".join(words) for source in sources.values() for words in source.learned + source.held_out
    }
    assert not {"dim the hall lamp", "open the hall door"} & every
    assert "turn on the hall lamp" in every
    assert {"play media-a now", "play name-a now"} & every
    assert {"call contact-a contact-b", "call name-a name-b"} & every
    assert {"turn on the appliance-a appliance-b", "turn on the name-a name-b"} & every


def test_a_run_learns_goes_on_where_it_was_and_becomes_a_bundle(data: Path, tmp_path: Path) -> None:
    sources = read(data, [])
    learn(SENTENCES, 30, tmp_path / "pieces.txt")
    vocabulary = Vocabulary.load(tmp_path / "pieces.txt")
    shape = Shape(len(vocabulary), width=16, layers=1, heads=2, hidden=32)
    plan = Plan(minutes=0.1, warm_steps=5, rate=1e-2, batch_tokens=400)
    run = Run(shape, plan, tmp_path / "last.pt")
    before = losses(run.model, sources, vocabulary, plan)
    batches = draw(sources, encode(sources, vocabulary), plan, seed=1)
    run.train(batches, tmp_path / "log.jsonl")
    after = losses(run.model, sources, vocabulary, plan)
    assert after["tmpl"] < 0.8 * before["tmpl"]
    again = Run(shape, plan, tmp_path / "last.pt")
    assert (again.step, again.read) == (run.step, run.read) != (0, 0)
    with pytest.raises(ModelError, match="name another folder"):
        Run(Shape(len(vocabulary), 32, 1, 2, 32), plan, tmp_path / "last.pt")
    weights = tmp_path / "weights.yaml"
    weights.write_text("{language: 0.3, reward: 0.5}")
    write_bundle(tmp_path, tmp_path / "bundle", "mine", "1.0", after, None, weights)
    bundle, language, found = load(tmp_path / "bundle")
    assert (bundle.name, found.language, found.reward) == ("mine", 0.3, 0.5)
    right, wrong = language.score([[SENTENCES[0].split(), SENTENCES[0].split()[::-1]]])[0]
    assert right > wrong
    manifest = yaml.safe_load((tmp_path / "bundle" / "manifest.yaml").read_text())
    assert manifest["training"]["steps"] == run.step


def test_numpy_computes_what_pytorch_does() -> None:
    torch.manual_seed(0)
    shape = Shape(vocabulary=50, width=32, layers=2, heads=4, hidden=64)
    model = Transformer(shape).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    assert {name: value.shape for name, value in weights.items()} == shape.weights()
    sequences = [[7, 8, 9], [7, 8], [7, 1, 2, 3, 4], [5]]
    tree = grow(sequences)
    found = tree.totals(Network(shape, weights).score([tree])[0])
    wanted = []
    for sequence in sequences:
        tokens = torch.tensor([[BOUNDARY, *sequence, BOUNDARY]])
        with torch.inference_mode():
            log_probs = model(tokens[:, :-1]).log_softmax(dim=-1)
        wanted.append(log_probs.gather(2, tokens[:, 1:, None]).sum().item())
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_what_is_no_checkpoint_becomes_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a checkpoint"):
        write_bundle(tmp_path, tmp_path / "bundle", "mine", "1.0", {}, None, None)


def test_any_causal_model_of_hugging_face_may_stand_in(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = ["<end>", "<unknown>", "call", "cool", "alex", "now"]
    plain = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(
            {word: at for at, word in enumerate(words)}, unk_token="<unknown>"
        )
    )
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unknown>", bos_token="<end>", eos_token="<end>"
    )
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(words), n_embd=16, n_layer=1, n_head=2, n_positions=32
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    wrapped.save_pretrained(tmp_path)
    language = HuggingFaceLanguage.load(str(tmp_path))
    readings = [["call", "contact-a"], ["cool", "contact-a", "now"], ["call", "alex"]]
    first, second, same = language.score([readings, []])[0]
    assert first == pytest.approx(same)
    assert language.score([readings[1:2]])[0] == [pytest.approx(second, rel=1e-5)]
    # 0 is what a sure model gives; a uniform one gives the logarithm of its words.
    assert -3 * 2.5 < first < -3 * 1.0
    with pytest.raises(ModelError, match="cannot be loaded"):
        HuggingFaceLanguage.load(str(tmp_path / "nothing"))


def test_each_kind_of_name_has_a_token(tmp_path: Path) -> None:
    learn(SENTENCES, 30, tmp_path / "pieces.txt")
    vocabulary = Vocabulary.load(tmp_path / "pieces.txt")
    assert len(vocabulary) == 30 + len(KINDS)
