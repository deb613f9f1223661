"""lib.publish.general: what `make voices` writes, and that it writes it only once."""

import dataclasses
import hashlib
import json

import keras
import pytest
from voices import speak_words

from lib.config import Config
from lib.corpora import speech_commands
from lib.models.size import count_macs
from lib.publish import general as publish
from lib.training import general, loop, shipped
from lib.training.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("eagerly", "one_process")


def tiny_ours(audio):
    """Return a five-tap filter."""
    inputs = keras.Input((None,))
    x = keras.layers.Conv1D(1, 5, padding="same")(keras.layers.Reshape((-1, 1))(inputs))
    return keras.Model(inputs, keras.layers.Reshape((-1,))(x))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with voices and settings for two short epochs, into which the network is shipped."""
    speak_words(tmp_path / "words", people=4)
    monkeypatch.setattr(speech_commands, "LIST", tmp_path / "list.csv")
    speech_commands.write_list(tmp_path / "words")
    recipe = dataclasses.replace(RECIPES["general"], build=tiny_ours)
    monkeypatch.setitem(RECIPES, "general", recipe)
    for module in (shipped, publish):
        monkeypatch.setattr(module, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "lib" / "general")
    (tmp_path / "my.yaml").write_text(
        "{general: {epochs: 2}, training: {batch_size: 2, crop_s: 0.1}}"
    )
    return tmp_path


def make_voices(place, voices="words"):
    voices = str(place / voices) if voices else ""
    publish.main(voices, str(place / "my.yaml"), str(place / "build"))


def test_make_voices_ships_network_record_and_card_once(place, capsys, monkeypatch):
    make_voices(place)
    assert {path.name for path in shipped.FOLDER.iterdir()} == {
        "network.keras", "network.json", "README.md",
    }  # fmt: skip
    said = capsys.readouterr()
    assert "8 of the 8 listed clips" in said.err
    assert "general network: epoch 2/2" in said.err
    assert said.out == "── the general network in lib/general is up to date\n"
    times = {path: path.stat().st_mtime_ns for path in shipped.FOLDER.iterdir()}
    monkeypatch.setattr(loop, "fit", None)
    make_voices(place)
    monkeypatch.setattr(general, "open_voices", None)
    make_voices(place, "")  # nor does it download voices that it would not use
    assert {path: path.stat().st_mtime_ns for path in shipped.FOLDER.iterdir()} == times


def test_a_lost_card_is_written_again_without_training(place, monkeypatch):
    make_voices(place)
    (shipped.FOLDER / "README.md").unlink()
    monkeypatch.setattr(loop, "fit", None)
    make_voices(place)
    assert (shipped.FOLDER / "README.md").is_file()


def test_the_card_is_made_from_the_record(place):
    make_voices(place)
    record = json.loads((shipped.FOLDER / "network.json").read_text())
    network = (shipped.FOLDER / "network.keras").read_bytes()
    assert record["sha256"] == hashlib.sha256(network).hexdigest()
    assert record["parameters"] == 6
    card = (shipped.FOLDER / "README.md").read_text(encoding="utf-8")
    assert card == publish.general_card(record)
    for part in (
        "6 clips by 3 people, who say no, yes",
        "1 of the 4 people, drawn with seed 0, were held out",
        "2 of their clips",
        "Epochs: 2; highest learning rate: 0.002",
        "of the 8 clips on the list (`lib/corpora/contents/speech-commands.csv`), 8 were",
        "CC BY 4.0",
        "working rate 8,000 Hz",
        "on no speaker of these and on no digit",
        record["sha256"],
    ):
        assert part in card
    record["people"]["training"] = 1234
    assert "by 1,234 people" in publish.general_card(record)


# --- the shipped network ---------------------------------------------------------------------


def test_network_record_and_card_that_are_shipped_belong_together():
    record = shipped.record()
    assert record["clips"]["training"] > 1000, "run `make voices` and commit lib/models/general"
    card = (shipped.FOLDER / "README.md").read_text(encoding="utf-8")
    assert card == publish.general_card(record), "run `make voices`"
    network, _ = shipped.open_general(Config().audio)
    assert network.count_params() == record["parameters"]
    assert count_macs(network, (8000,)) == record["macs"] < 0.6e9
    assert (shipped.FOLDER / "network.keras").stat().st_size < 4.5e6


def test_a_fold_can_go_on_from_the_network_that_is_shipped():
    ours = RECIPES["ours"]
    network = ours.build(Config().audio)
    network.set_weights(start := ours.start(Config().audio))
    assert len(start) == len(network.weights)


def test_the_report_says_whom_our_network_heard_before():
    people = shipped.record()["people"]["training"]
    assert f"words of {people:,} speakers of another corpus" in shipped.pretraining(Config().audio)
    assert f"words by {people:,} people for" in shipped.about(Config().audio)
    other = dataclasses.replace(Config().audio, hop_length=256)
    assert shipped.pretraining(other) == "It is trained on this corpus alone."
    assert "is trained from scratch" in shipped.about(other)
