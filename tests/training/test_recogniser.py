"""lib.hearing and lib.recognition: what is heard, by whom it was learned, what is understood."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest
from voices import configure, voice, voice_store

from lib.clips.store import ClipStore
from lib.config import AudioConfig
from lib.errors import InputError, MissingArtifactError
from lib.models.recogniser import (
    BANDS,
    FLOOR_DB,
    HeardFrames,
    Recogniser,
    augmented,
    build_recogniser,
    log_mel,
)
from lib.training import keep as networks
from lib.training import recogniser as recognition
from lib.training.recogniser import RecognitionExamples
from lib.workspace.folder import Run

AUDIO = AudioConfig()
CONFIG = configure(recognition={"epochs": 10, "batch_size": 4, "learning_rate": 1e-2, "clips": 100})


# --- features --------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [1e-3, 40.0])
def test_a_gain_changes_nothing(gain):
    y = voice(0)
    np.testing.assert_allclose(log_mel(gain * y, AUDIO), log_mel(y, AUDIO), atol=1e-5)


def test_zeros_behind_a_clip_change_nothing():
    y = voice(0)
    for n in (1, 77, 5000):
        np.testing.assert_array_equal(log_mel(np.pad(y, (0, n)), AUDIO), log_mel(y, AUDIO))


def test_silence_is_the_floor():
    assert log_mel(voice(0), AUDIO).shape == (63, BANDS)  # one second, a frame every 16 ms
    assert not log_mel(np.zeros(100), AUDIO).any()
    heard = log_mel(voice(0, seconds=0.4), AUDIO).any(axis=1)
    assert not heard[27:].any()  # the clip ends at frame 25, half a window is two frames
    assert heard[1:25].all()


def test_a_tone_is_in_its_band_at_its_level():
    """Half of the power for half of the time: 3 dB are a tenth of the 30 dB range."""
    t = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 1000 * t)
    tone[4000:] *= np.sqrt(0.5)
    features = log_mel(tone, AUDIO)
    loud, soft = features[10], features[50]
    assert loud.argmax() == soft.argmax()
    assert loud.max() - soft.max() == pytest.approx(10 * np.log10(2) / FLOOR_DB, abs=1e-4)


def test_a_warp_moves_a_tone_as_another_frequency_would():
    t = np.arange(8000) / 8000
    low, high = (np.sin(2 * np.pi * f * t) for f in (1000, 1100))
    np.testing.assert_allclose(log_mel(low, AUDIO, warp=1.1), log_mel(high, AUDIO), atol=0.12)
    assert np.abs(log_mel(low, AUDIO) - log_mel(high, AUDIO)).max() > 0.3


def test_stretched_and_delayed_clips_end_where_they_should():
    def ends(**changes):
        heard = np.flatnonzero(log_mel(voice(0, seconds=0.4), AUDIO, **changes).any(axis=1))
        return heard[0], heard[-1]

    start, end = ends()
    assert ends(delay_s=0.16) == (start + 10, end + 10)
    assert ends(stretch=0.5)[1] == pytest.approx(2 * end, abs=2)


def test_an_equaliser_moves_levels_by_its_decibels():
    gains = np.zeros(BANDS)
    gains[5] = -6.0
    before, after = (log_mel(voice(0), AUDIO, equaliser=g) for g in (0.0, gains))
    clear = before[:, 5] > 0.3
    np.testing.assert_allclose((before - after)[clear, 5], 6 / FLOOR_DB, atol=1e-5)
    np.testing.assert_array_equal(np.delete(before, 5, 1), np.delete(after, 5, 1))


def test_augmentation_depends_on_its_stream_only():
    one, same, other = (augmented(voice(0), AUDIO, np.random.default_rng(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert one.shape == log_mel(voice(0), AUDIO).shape
    assert one.dtype == np.float32
    assert not np.array_equal(one, other)


# --- the network -----------------------------------------------------------------------------


def test_pooling_counts_heard_frames_only():
    x = np.array([[[1.0], [3.0], [50.0]], [[-1.0], [2.0], [6.0]]])
    features = np.zeros((2, 6, 4, 1))
    features[0, 0, 2] = features[0, 3, 1] = 0.5  # two frames of x heard, the third silent
    features[1] = 1.0
    pooled = keras.ops.convert_to_numpy(HeardFrames()([x, features]))
    np.testing.assert_allclose(pooled[1], [7 / 3, 6])
    np.testing.assert_allclose(pooled[0], [2, 3])
    silent = keras.ops.convert_to_numpy(HeardFrames()([x[:1], 0 * features[:1]]))
    np.testing.assert_array_equal(silent, [[0, 0]])


def test_probabilities_are_independent_of_gain_padding_and_company():
    keras.utils.set_random_seed(0)
    recogniser = Recogniser(build_recogniser(AUDIO, width=2), AUDIO)
    clips = [voice(i, seconds=0.2 + 0.1 * i) for i in range(4)]
    p = recogniser.probabilities(clips)
    assert p.shape == (4, 10)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(p, axis=0).max() > 1e-4  # not one answer for all
    changed = [0.01 * np.pad(y, (0, 900)) for y in clips]
    np.testing.assert_allclose(recogniser.probabilities(changed), p, atol=1e-5)
    np.testing.assert_allclose(recogniser.probabilities(clips[2:3]), p[2:3], atol=1e-5)
    np.testing.assert_array_equal(recogniser.digits(clips), p.argmax(axis=1))
    assert recogniser.digits([]).shape == (0,)
    assert np.isfinite(recogniser.probabilities([np.zeros(500)])).all()


def test_a_clip_beyond_the_window_is_refused():
    with pytest.raises(InputError, match="at most 8000 samples, got 8001"):
        Recogniser(None, AUDIO).digits([np.zeros(10), np.zeros(8001)])


# --- training --------------------------------------------------------------------------------


def tones(config, *, speakers=4, repetitions=3):
    """A store whose digits are tones, an octave apart; speakers differ in pitch and level."""
    store = voice_store(config, speakers=speakers, digits=4, repetitions=repetitions)
    clips = np.zeros_like(store.clips)
    for row, clip in enumerate(store.index.itertuples()):
        t = np.arange(clip.samples) / 8000
        frequency = 250 * 2.0**clip.digit * (1 + 0.03 * int(clip.speaker))
        clips[row, : clip.samples] = 0.1 ** int(clip.speaker) * np.sin(2 * np.pi * frequency * t)
    return ClipStore(clips, store.index, config)


@pytest.fixture(scope="module")
def store():
    return tones(CONFIG)


@pytest.fixture
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 2]})


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


@pytest.fixture
def small(monkeypatch):
    """A narrow network."""
    build = recognition.build_recogniser
    monkeypatch.setattr(recognition, "build_recogniser", lambda audio: build(audio, width=4))


@pytest.fixture
def pretended(monkeypatch):
    """No training: the network as it was built; rows of all that was learned from."""
    learned = []

    def pretend(model, batches, validation, *, checkpoints, **options):
        learned.append(np.unique(np.concatenate(batches(0).batches)))
        checkpoints.mkdir(parents=True, exist_ok=True)
        return model, [{"epoch": 1, "validation_loss": 0.5, "seconds": 2.0}]

    build = recognition.build_recogniser
    monkeypatch.setattr(recognition, "fit", pretend)
    monkeypatch.setattr(recognition, "build_recogniser", lambda audio: build(audio, width=1))
    return learned


def test_it_learns_words_of_speakers_it_never_heard(run, store, folds, small):
    run.save("folds", folds)
    record = recognition.train_recogniser(run, store, folds, 0)
    assert record["test_speakers"] == ["01"]
    assert len(record["history"]) == CONFIG.recognition.epochs
    rows = store.rows_of(["01"])
    recogniser = recognition.load_recogniser(run, 0)
    heard = recogniser.digits([store.clean(row) for row in rows])
    assert np.mean(heard == store.index["digit"].to_numpy()[rows]) >= 0.75  # chance: 0.25
    names = sorted(path.name for path in run.dir.rglob("*") if path.is_file())
    assert names == ["folds.parquet", "recogniser-fold0.json", "recogniser-fold0.keras"]


def test_only_training_speakers_are_learned_from(run, store, folds, pretended):
    for fold in range(3):
        record = recognition.train_recogniser(run, store, folds, fold)
        heard = set(store.index["speaker"].iloc[pretended[fold]])
        assert heard == set(record["training_speakers"])
        assert not heard & {*record["test_speakers"], *record["validation_speakers"]}


def test_a_limit_is_shared_by_the_speakers(run, folds, pretended):
    config = configure(CONFIG, recognition={"clips": 8})
    recognition.train_recogniser(run, tones(config), folds, 0)
    speakers = tones(config).index["speaker"].iloc[pretended[0]]
    assert speakers.value_counts().to_dict() == {"03": 4, "04": 4}


def test_a_fold_is_trained_again_only_when_what_it_depends_on_changed(run, store, folds, pretended):
    def train(store, folds=folds):
        recognition.train_recogniser(run, store, folds, 0)
        return len(pretended)

    assert train(store) == 1
    unrelated = configure(CONFIG, noise={"snr_db": 3.0}, training={"epochs": 9})
    assert train(dataclasses.replace(store, config=unrelated)) == 1  # it hears clean speech only
    others = [
        (dataclasses.replace(store, config=configure(CONFIG, recognition={"epochs": 2})),),
        (dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=1)),),
        (ClipStore(2 * store.clips, store.index, CONFIG),),
        (store, folds.assign(fold=[0, 2, 1, 2])),
    ]
    for i, other in enumerate(others):
        assert train(*other) == 2 * i + 2
        assert train(store) == 2 * i + 3


def test_an_interrupted_fold_leaves_no_network_without_its_record(
    run, store, folds, pretended, monkeypatch
):
    def killed(path, value):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(networks, "write_json", killed)
        recognition.train_recogniser(run, store, folds, 0)
    run.save("folds", folds)
    with pytest.raises(MissingArtifactError, match="run 03_model_training"):
        recognition.load_recogniser(run, 0)
    recognition.train_recogniser(run, store, folds, 0)
    assert recognition.load_recogniser(run, 0).digits([voice(0)]).shape == (1,)


def test_a_recogniser_of_other_folds_is_refused(run, store, folds, pretended):
    recognition.train_recogniser(run, store, folds, 0)
    run.save("folds", folds.assign(fold=[1, 0, 2, 2]))
    with pytest.raises(MissingArtifactError, match="trained for other folds"):
        recognition.load_recogniser(run, 0)


def test_all_folds_in_one_table(run, store, folds, pretended):
    table = recognition.train_recognisers(run, store, folds)
    assert table["fold"].tolist() == [0, 1, 2]
    assert table["validation_accuracy"].between(0, 1).all()
    assert table["seconds"].tolist() == [2.0] * 3


def test_every_epoch_hears_the_clips_anew(store):
    rows = store.rows_of(["01"])
    first, again, second = (RecognitionExamples(store, rows, epoch=e)[0] for e in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], second[0])
    assert first[1].sum(axis=1).tolist() == [1] * 4
