"""lib.training.shipped: the general network is opened and fine-tuned where it fits."""

import dataclasses
import hashlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from toys import build_tiny
from voices import configure

from lib.config import AudioConfig
from lib.errors import DenoisingError, MissingArtifactError
from lib.models.recogniser import build_recogniser
from lib.training import loop, shipped, tuning
from lib.training.recipe import Lessons
from lib.training.recipes import RECIPES
from lib.workspace.folder import PROJECT_ROOT, as_json

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A shipped network for the default settings."""
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "general")
    monkeypatch.setattr(shipped, "PROJECT_ROOT", tmp_path)
    shipped.FOLDER.mkdir()
    build_tiny(None).save(shipped.FOLDER / "network.keras")
    content = (shipped.FOLDER / "network.keras").read_bytes()
    record = {"audio": dataclasses.asdict(AudioConfig()), "fingerprint": "key"}
    record["sha256"] = hashlib.sha256(content).hexdigest()
    (shipped.FOLDER / "network.json").write_bytes(as_json(record))
    shipped.open_general.cache_clear()
    yield shipped.FOLDER
    shipped.open_general.cache_clear()


def test_it_is_opened_where_rate_and_stft_are_its_own(folder):
    for audio in (AudioConfig(), AudioConfig(clip_s=2.0, highpass_hz=60.0)):
        assert shipped.unfit(audio) == ""
        network, record = shipped.open_general(audio)
        assert network.count_params() == build_tiny(None).count_params()
        assert record["fingerprint"] == "key"
    denoise = RECIPES["general"].wrap(network, record)
    assert denoise(np.ones(4000), 8000).shape == (4000,)


def test_other_settings_are_told_and_refused(folder):
    audio = AudioConfig(sample_rate=16_000, hop_length=256)
    message = (
        r"other audio settings \(sample_rate 8000, not 16000, hop_length 128, not 256\)\. "
        "`make voices` with"
    )
    with pytest.raises(MissingArtifactError, match=message):
        shipped.open_general(audio)
    assert shipped.unfit(audio)


@pytest.mark.parametrize("what", ["network.keras", "network.json", "another network"])
def test_without_a_whole_one_make_voices_is_named(folder, what):
    if what == "another network":
        with open(folder / "network.keras", "ab") as file:
            file.write(b"x")
    else:
        (folder / what).unlink()
    with pytest.raises(MissingArtifactError, match=r"no general network in general.*`make voices`"):
        shipped.open_general(AudioConfig())


def test_it_is_up_to_date_with_its_card_only(folder):
    assert not shipped.is_shipped("key")
    (folder / "README.md").write_text("card")
    assert shipped.is_shipped("key") and not shipped.is_shipped("other")


def test_a_fold_goes_on_from_its_weights_and_has_the_budget_for_it(folder):
    ours, config = RECIPES["ours"], configure(tuning={"epochs": 3}, scratch={"epochs": 7})
    network, _ = shipped.open_general(AudioConfig())
    for weights, start in zip(network.get_weights(), ours.start(AudioConfig()), strict=True):
        np.testing.assert_array_equal(weights, start)
    assert ours.budget(config).epochs == 3
    other = configure(config, audio={"hop_length": 256})
    assert ours.start(other.audio) is None
    assert ours.budget(other).epochs == 7
    assert float(ours.optimiser(other).learning_rate) == pytest.approx(2e-3)


@pytest.mark.parametrize("build", [build_tiny, lambda audio: keras.Sequential([keras.Input((2,))])])
def test_training_begins_with_the_weights_of_a_network_that_is_built_alike(
    folder, tmp_path, monkeypatch, build
):
    began = []
    monkeypatch.setattr(loop, "fit", lambda model, *_, **options: began.extend(model.get_weights()))
    recipe = dataclasses.replace(RECIPES["ours"], build=build)
    lessons = Lessons(lambda epoch: [0], None, clips=1)
    if build is build_tiny:
        loop.learn(recipe, configure(), lessons, tmp_path, "tiny")
        for weights, start in zip(began, shipped.start(AudioConfig()), strict=True):
            np.testing.assert_array_equal(weights, start)
    else:
        with pytest.raises(DenoisingError, match=r"not built like the one .*`make voices`"):
            loop.learn(recipe, configure(), lessons, tmp_path, "tiny")


def test_the_final_weights_lie_between_those_of_the_start_and_the_trained_ones(
    folder, tmp_path, monkeypatch
):
    def fit(model, *_, **options):
        model.set_weights([weights + 4 for weights in model.get_weights()])

    monkeypatch.setattr(loop, "fit", fit)
    lessons = Lessons(lambda epoch: [0], None, clips=1)
    start = shipped.start(AudioConfig())
    for share in (0.0, 0.25, 1.0):
        recipe = dataclasses.replace(RECIPES["ours"], build=build_tiny)
        config = configure(tuning={"share": share})
        network, _ = loop.learn(recipe, config, lessons, tmp_path, "tiny")
        for weights, first in zip(network.get_weights(), start, strict=True):
            np.testing.assert_allclose(weights, first + 4 * share, rtol=1e-6)


@pytest.mark.parametrize(("reason", "told"), [("", ["0.25"]), ("other settings", [])])
def test_interpolation_is_stated_where_the_general_network_is_fine_tuned(monkeypatch, reason, told):
    monkeypatch.setattr(tuning, "unfit", lambda audio: reason)
    config = configure(tuning={"share": 0.25})
    assert re.findall(r"[\d.]*\d", tuning.about_weights(config)) == told


def in_a_process_of_its_own(code):
    """Return what `code` prints in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_opens_in_a_process_that_imported_nothing_else():
    code = "from lib.config import AudioConfig\nfrom lib.training import shipped\n"
    code += "print(shipped.open_general(AudioConfig())[0].count_params())"
    assert int(in_a_process_of_its_own(code)) == shipped.record()["parameters"]


def test_so_do_networks_with_layers_of_another_kind(tmp_path):
    network = build_recogniser(AudioConfig())
    network.save(tmp_path / "ear.keras")
    code = "from pathlib import Path\nfrom lib.training.keep import load_network\n"
    code += f"print(load_network(Path({str(tmp_path / 'ear.keras')!r})).count_params())"
    assert int(in_a_process_of_its_own(code)) == network.count_params()
