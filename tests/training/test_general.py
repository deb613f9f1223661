"""lib.training.general: one network for all voices, trained once and resumed if interrupted."""

import dataclasses

import numpy as np
import pytest
from toys import build_tiny
from voices import configure, speak_words

from lib.corpora import speech_commands
from lib.errors import CorpusError
from lib.training import general, keep, loop
from lib.training.recipes import RECIPES
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("eagerly", "one_process")

PEOPLE = 6
CONFIG = configure(training={"batch_size": 2, "crop_s": 0.1}, general={"epochs": 2})


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two words spoken by six people, and a tiny network to train on them."""
    speak_words(tmp_path / "words", people=PEOPLE)
    monkeypatch.setattr(speech_commands, "LIST", tmp_path / "list.csv")
    speech_commands.write_list(tmp_path / "words")
    recipe = dataclasses.replace(RECIPES["general"], build=build_tiny)
    monkeypatch.setitem(RECIPES, "general", recipe)
    return tmp_path / "words"


@pytest.fixture
def run(tmp_path):
    return Run(corpus="speech-commands", config=CONFIG, data_dir="", dir=tmp_path / "build")


def untimed(record):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in record["history"]]


def weights(run):
    return keep.load_network(run.path("models/general.keras")).get_weights()


def test_it_leaves_a_network_and_what_is_to_be_known_of_it(run, tree):
    record = general.train_general(run, str(tree))
    assert record["people"] == {"training": PEOPLE - 1, "validation": 1}
    assert record["clips"] == {"training": 2 * (PEOPLE - 1), "validation": 2}
    assert len(record["validation_speakers"]) == 1
    assert record["audio"] == dataclasses.asdict(CONFIG.audio)
    assert record["settings"]["general"]["epochs"] == 2 and record["settings"]["seed"] == 0
    assert record["voices"]["words"] == ["no", "yes"]
    assert record["voices"]["found"] == record["voices"]["listed"] == 2 * PEOPLE
    assert record["fingerprint"] == general.depends_on(CONFIG)
    assert sorted(record["origin"]) == ["code", "machine", "packages", "python", "time"]
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    network = keep.load_network(run.path("models/general.keras"))
    assert not network.compiled, "the optimiser's state stays out of the file"


def test_the_learning_rate_is_that_of_its_section():
    recipe = RECIPES["general"]
    config = configure(general={"learning_rate": 0.05, "epochs": 7}, scratch={"epochs": 2})
    rates = [float(recipe.rate(config, 100)(step)) for step in range(100)]
    assert max(rates) == pytest.approx(0.05, rel=1e-3)
    assert (recipe.budget(config).epochs, recipe.budget(config).patience) == (7, 120)
    assert float(recipe.optimiser(config).learning_rate) == pytest.approx(0.05)
    assert RECIPES["ours from scratch"].budget(config).epochs == 2


def test_it_is_trained_once(run, tree, monkeypatch):
    before = general.train_general(run, str(tree))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "fit", None)
        assert general.train_general(run, str(tree)) == before
    (tree / "yes/00000000_nohash_0.wav").unlink()
    after = general.train_general(run, str(tree))
    assert after["fingerprint"] != before["fingerprint"]
    assert sum(after["clips"].values()) == 2 * PEOPLE - 1


def test_an_interrupted_training_ends_as_the_undisturbed_one(run, tree, monkeypatch):
    elsewhere = dataclasses.replace(run, dir=run.dir / "elsewhere")
    whole = general.train_general(elsewhere, str(tree))
    save = loop._save_checkpoint

    def killed(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "_save_checkpoint", killed)
        general.train_general(run, str(tree))
    assert not run.path("models/general.keras").exists()
    resumed = general.train_general(run, str(tree))
    assert untimed(resumed) == untimed(whole)
    for ours, theirs in zip(weights(run), weights(elsewhere), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not list(run.path("checkpoints").iterdir())


def test_what_it_depends_on(tree):
    key = general.depends_on(CONFIG)
    assert key == general.depends_on(CONFIG, speech_commands.open_tree(str(tree)).clips())
    others = [
        configure(CONFIG, general={"epochs": 3}),
        configure(CONFIG, audio={"hop_length": 256}),
        dataclasses.replace(CONFIG, seed=1),
    ]
    assert len({key, *map(general.depends_on, others)}) == 4
    assert general.depends_on(configure(CONFIG, recognition={"epochs": 1})) == key


def test_two_people_are_too_few(run, tree):
    for path in tree.rglob("*.wav"):
        if path.name > "00000001_nohash_0.wav":
            path.unlink()
    with pytest.raises(CorpusError, match="2 speakers have usable clips"):
        general.train_general(run, str(tree))
