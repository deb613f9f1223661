"""lib.clips.prepare: clips and noisy files at several rates become a complete store or none."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import FILE_RATE, configure, measured, supply, voice

from lib.clips.examples import TrainingPairs
from lib.clips.prepare import build_store, prepare_clip
from lib.clips.store import ClipStore, content_of, open_store
from lib.config import Config
from lib.corpora.manifest import measure_clip
from lib.errors import CorpusError, InputError, MissingArtifactError
from lib.metrics import snr
from lib.signals.audio import MEAN, fix_length, remove_dc_and_rumble, resample
from lib.workspace.folder import PROJECT_ROOT, Run

pytestmark = pytest.mark.usefixtures("one_process")

RATES = {"0_01_0": 8000, "0_02_0": 22050, "1_01_0": 48000, "1_02_0": 8000}


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=Config(), data_dir="", dir=tmp_path / "build")


@pytest.fixture
def manifest(tmp_path):
    """Four clips with a DC offset, one of them too long, and a fifth that is excluded."""
    rows = []
    for i, (clip_id, rate) in enumerate(RATES.items()):
        y = voice(i, seconds=1.3 if clip_id == "1_02_0" else 0.4, rate=rate) + 0.3
        soundfile.write(tmp_path / f"{clip_id}.wav", y, rate)
        digit, speaker, repetition = clip_id.split("_")
        rows.append((clip_id, speaker, int(digit), int(repetition), f"{clip_id}.wav", "ok"))
    rows.append(("9_09_9", "09", 9, 9, "broken.wav", "excluded"))
    columns = ["clip_id", "speaker", "digit", "repetition", "path", "status"]
    table = pd.DataFrame(rows[::-1], columns=columns)
    return table.assign(channel=MEAN, window_start_s=0.0, window_s=np.inf)


def test_the_store_holds_usable_clips_at_one_rate_without_offset(run, manifest, tmp_path):
    store = build_store(run, manifest, str(tmp_path))
    assert store.index["clip_id"].tolist() == sorted(RATES)
    assert store.index["samples"].tolist() == [3200, 3200, 3200, 8000]  # the long one is cut
    assert isinstance(store.clips, np.memmap)
    assert (store.clips.shape, store.clips.dtype) == ((len(store), 8000), np.float32)
    for row, samples in enumerate(store.index["samples"]):
        assert not store.clips[row, samples:].any()
        clean = store.clean(row)
        assert abs(clean.mean()) < 1e-4 < 0.01 < np.std(clean)
        assert clean.shape == (samples,)


def test_the_channel_of_the_manifest_is_stored(run, manifest, tmp_path):
    y = voice(0)
    soundfile.write(tmp_path / "0_01_0.wav", np.stack([y, 0.9 * y[::-1], -y], axis=1), 8000)
    manifest.loc[manifest["clip_id"] == "0_01_0", "channel"] = 2
    store = build_store(run, manifest, str(tmp_path))
    assert snr(-y, store.clean(0)) > 20  # the high-pass removes a little


def test_the_rate_of_the_file_does_not_change_the_clip(run, manifest, tmp_path):
    y = voice(0, rate=48000)
    soundfile.write(tmp_path / "1_01_0.wav", y, 48000)  # 0_01_0 is voice(0) at 8 kHz
    store = build_store(run, manifest, str(tmp_path))
    rows = store.index.set_index("clip_id").index
    slow, fast = (store.clean(rows.get_loc(name)) for name in ("0_01_0", "1_01_0"))
    assert snr(slow, fast) > 40  # 16 bits and two filters of soxr's HQ setting


def test_of_a_long_clip_the_store_holds_the_window_that_the_manifest_names(run, tmp_path):
    word, late = voice(5), np.zeros(4 * 16_000)
    late[40_000:46_400] = voice(5, rate=16_000)  # from 2.5 s on
    soundfile.write(tmp_path / "3_01_0.wav", late, 16_000)
    facts = {"clip_id": "3_01_0", "speaker": "01", "digit": 3, "repetition": 0}
    measured = measure_clip(tmp_path / "3_01_0.wav", None, run.config.audio)
    start = round(8000 * measured["window_start_s"])
    assert 15_200 <= start <= 20_000, "the whole word lies in the window"
    manifest = pd.DataFrame([facts | {"path": "3_01_0.wav"} | measured])
    held = build_store(run, manifest, str(tmp_path)).clean(0)
    assert len(held) == 8000
    assert snr(word, held[20_000 - start :][:3200]) > 30


def test_a_failure_in_the_middle_leaves_nothing(run, manifest, tmp_path):
    (tmp_path / "1_01_0.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"1_01_0\.wav"):
        build_store(run, manifest, str(tmp_path))
    assert list(run.dir.iterdir()) == []
    with pytest.raises(MissingArtifactError, match=r"clips\.npy is not in .* run the notebooks"):
        open_store(run)


def test_a_failure_in_the_middle_leaves_the_old_store(run, manifest, tmp_path):
    before = np.array(build_store(run, manifest, str(tmp_path)).clips)
    (tmp_path / "1_01_0.wav").unlink()
    with pytest.raises(InputError, match="no such file"):
        build_store(run, manifest, str(tmp_path))
    np.testing.assert_array_equal(open_store(run).clips, before)
    assert sorted(p.name for p in run.dir.iterdir()) == ["clip_index.parquet", "clips.npy"]


def test_a_fresh_process_draws_the_same_noise(run, manifest, tmp_path):
    store = build_store(run, manifest, str(tmp_path))
    code = (
        "import sys, pathlib; from lib.config import Config;"
        "from lib.clips.store import open_store; from lib.workspace.folder import Run;"
        "run = Run('sample', Config(), '', pathlib.Path(sys.argv[1]));"
        "sys.stdout.buffer.write(open_store(run).noisy(2).tobytes())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, run.dir], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, check=True
    )
    assert told.stdout == store.noisy(2).tobytes()


# --- supplied noise --------------------------------------------------------------------------

CONFIG = configure(noise={"kind": "supplied"}, training={"varied_share": 0.0, "batch_size": 2})


@pytest.fixture
def supplied_run(tmp_path):
    return Run(corpus="audiomnist", config=CONFIG, data_dir="", dir=tmp_path / "build")


@pytest.fixture
def tree(tmp_path):
    supply(tmp_path)
    return tmp_path


@pytest.fixture
def store(supplied_run, tree):
    return build_store(supplied_run, measured(tree), str(tree))


def test_the_noisy_side_is_the_file_as_it_is(store, tree):
    assert store.index["clip_id"].tolist() == ["0_01_0", "0_02_0", "1_01_0", "1_03_0"]
    clips = measured(tree).set_index("clip_id")
    for row, clip_id in enumerate(store.index["clip_id"]):
        file = prepare_clip(tree, clips.loc[clip_id], CONFIG.audio, noisy=True)
        for asked in ({}, {"kind": "supplied", "snr_db": -8.0}):  # the second as in evaluation
            np.testing.assert_allclose(store.noisy(row, **asked), file, atol=1e-7)
        assert store.noisy(row).shape == store.clean(row).shape


def test_other_noise_is_mixed_as_everywhere(store):
    mixing = ClipStore(store.clips, store.index, Config())
    for asked in ({"kind": "white", "snr_db": -8.0}, {"kind": "white"}, {"kind": "pink"}):
        np.testing.assert_array_equal(store.noisy(1, **asked), mixing.noisy(1, **asked))
    with pytest.raises(InputError, match="Unknown noise 'supplied'"):
        store.noisy(0, snr_db=0.0)  # no such file


def test_noisy_files_of_other_lengths_are_cut_or_end_in_silence(supplied_run, tree):
    for clip_id, samples in {"0_01_0": 9000, "0_02_0": 4000}.items():
        y, _ = soundfile.read(tree / f"{clip_id}_noisy.wav")
        soundfile.write(tree / f"{clip_id}_noisy.wav", fix_length(y, samples), FILE_RATE)
    store = build_store(supplied_run, measured(tree), str(tree))
    assert store.noisy(0).shape == store.noisy(1).shape == (3200,)
    assert store.noisy(1)[1999:].any() and not store.noisy(1)[2000:].any()


def test_the_noisy_file_of_a_long_clip_is_heard_in_the_window_of_its_clip(
    supplied_run, tree, store
):
    before = snr(store.clean(0), store.noisy(0))
    quiet = np.zeros(2 * FILE_RATE)
    for name in ("0_01_0", "0_01_0_noisy"):
        y, _ = soundfile.read(tree / f"{name}.wav")
        soundfile.write(tree / f"{name}.wav", np.concatenate([quiet, y, quiet]), FILE_RATE)
    store = build_store(supplied_run, measured(tree), str(tree))
    assert store.noisy(0).shape == (8000,)
    assert snr(store.clean(0), store.noisy(0)) == pytest.approx(before, abs=0.1)


def test_the_noisy_side_is_the_channel_of_the_clean_clip(supplied_run, tree):
    """Even if another channel of the noisy file is louder."""
    for name, others in {"0_01_0": 0.0, "0_01_0_noisy": 2.0}.items():
        y, _ = soundfile.read(tree / f"{name}.wav")
        rest = others * np.roll(y, 50)
        soundfile.write(tree / f"{name}.wav", np.stack([rest, y, 0 * y], axis=1), FILE_RATE)
    alone = soundfile.read(tree / "0_01_0_noisy.wav")[0][:, 1]
    store = build_store(supplied_run, measured(tree), str(tree))
    expected = resample(remove_dc_and_rumble(alone, FILE_RATE, 50.0), FILE_RATE, 8000)
    np.testing.assert_allclose(store.noisy(0), expected, atol=1e-6)


def test_training_draws_white_noise_and_validates_on_the_files(supplied_run, store):
    learning = store.for_training()
    assert learning.config == configure(CONFIG, noise={"kind": "white"})
    noisy, clean = TrainingPairs(learning, np.arange(4), epoch=0)[0]
    assert snr(clean[0], noisy[0]) == pytest.approx(-8, abs=0.01)
    np.testing.assert_array_equal(learning.noisy(2), store.noisy(2))


def test_clips_without_a_noisy_file_of_use_are_left_out_and_counted(supplied_run, tree):
    (tree / "1_01_0_noisy.wav").write_bytes((tree / "1_01_0.wav").read_bytes())  # no noise in it
    (tree / "1_03_0_noisy.wav").write_text("not audio")
    manifest = measured(tree)
    store = build_store(supplied_run, manifest, str(tree))
    assert store.index["clip_id"].tolist() == ["0_01_0", "0_02_0"]


def test_a_corpus_without_noisy_files_is_refused(supplied_run, tree):
    for path in tree.glob("*_noisy.wav"):
        path.unlink()
    with pytest.raises(CorpusError, match=r"none of the 5 usable clips .*kind: white"):
        build_store(supplied_run, measured(tree), str(tree))
    assert not supplied_run.dir.exists()


def test_other_kinds_of_noise_use_all_clips_and_mix(supplied_run, tree):
    white = dataclasses.replace(supplied_run, config=Config())
    store = build_store(white, measured(tree), str(tree))
    assert type(store) is ClipStore and len(store) == 5
    for opened in (open_store(white), open_store(white).for_training()):
        assert opened.config == Config()
        assert snr(opened.clean(0), opened.noisy(0)) == pytest.approx(-8, abs=1e-6)
    with pytest.raises(MissingArtifactError, match="without the supplied noisy files"):
        open_store(supplied_run)


def test_other_noisy_files_make_other_networks(supplied_run, store, tree):
    before, manifest = content_of(store), measured(tree)
    assert content_of(build_store(supplied_run, manifest, str(tree))) == before
    y, _ = soundfile.read(tree / "0_02_0_noisy.wav")
    clean, _ = soundfile.read(tree / "0_02_0.wav")
    soundfile.write(tree / "0_02_0_noisy.wav", 2 * clean - y, FILE_RATE)  # at the same SNR
    assert content_of(build_store(supplied_run, manifest, str(tree))) != before


def test_a_build_that_stops_at_the_noisy_files_is_not_opened(supplied_run, store, tree):
    manifest = measured(tree)
    (tree / "1_01_0_noisy.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"1_01_0_noisy\.wav"):
        build_store(supplied_run, manifest, str(tree))
    with pytest.raises(MissingArtifactError, match=r"or the build was stopped\. Run 02_spec"):
        open_store(supplied_run)
    files = sorted(path.name for path in supplied_run.dir.rglob("*") if path.is_file())
    assert files == ["clip_index.parquet"] * 2 + ["clips.npy"] * 2  # complete files
