r"""The ablation: variants of our model, and how each of them performs.

::

    python -m lib.training.trials CORPUS PROFILE DATA_DIR PARAMS      (make search)

Every variant is our recipe, changed in one respect.  It is fine-tuned from the general network;
variants with another architecture cannot be and are trained from scratch, as is one with the
present architecture for comparison.  All are trained for a few epochs on the training speakers of
the first fold and scored on that fold's *validation* speakers; the test speakers are not used.  The
results are the appendix of notebook 03.  A variant that was evaluated before with the same
settings, clips and code is not repeated.
"""

from __future__ import annotations

import dataclasses
import functools
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.clips.examples import training_example
from lib.clips.folds import split_speakers
from lib.clips.store import ClipStore, open_store
from lib.config import Config
from lib.errors import end
from lib.metrics import estoi, si_sdr
from lib.models.mask import build_ours
from lib.models.size import count_macs
from lib.training import ideas, waveform
from lib.training.loop import learn
from lib.training.recipe import Recipe
from lib.training.recipes import RECIPES
from lib.training.train import depends_on
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run, open_run

__all__ = ["SCORED_CLIPS", "VARIANTS", "Variant", "open_search", "try_all", "try_variant"]

SCORED_CLIPS = 120  # of all validation speakers together


@dataclass(frozen=True)
class Variant:
    """One change to the present model.

    Attributes
    ----------
    group, name : str
        Shown in the table.
    settings : dict
        Section of the configuration -> changed settings.
    recipe : Recipe
        Ours, or ours with one part replaced.
    passes : int
        Number of forward passes per clip.
    """

    group: str
    name: str
    settings: dict[str, dict] = field(default_factory=dict)
    recipe: Recipe = RECIPES["ours"]
    passes: int = 1

    def over(self, config: Config) -> Config:
        """Return the configuration with the epochs of a trial and the changed settings."""
        changes = {part: {"epochs": config.search.epochs} for part in ("scratch", "tuning")}
        for section, settings in self.settings.items():
            changes[section] = changes.get(section, {}) | settings
        parts = {k: dataclasses.replace(getattr(config, k), **v) for k, v in changes.items()}
        return dataclasses.replace(config, **parts)


def _training(**settings) -> dict:
    return {"training": settings}


def _tuning(**settings) -> dict:
    return {"tuning": settings}


def _ours(**parts) -> Recipe:
    return dataclasses.replace(RECIPES["ours"], **parts)


def _learning_from(example: Callable) -> Recipe:
    return _ours(lessons=functools.partial(waveform.lessons, example=example))


def _built(build: Callable) -> Recipe:
    return dataclasses.replace(FROM_SCRATCH, build=build)


def _sized(**sizes) -> Recipe:
    return _built(functools.partial(build_ours, **sizes))


FROM_SCRATCH = RECIPES["ours from scratch"]
VARIANTS = [
    Variant("", "baseline"),
    Variant("augmentation", "no change of speed", _training(speed_spread=0.0)),
    Variant("augmentation", "speed varies within a clip", recipe=_learning_from(ideas.warped)),
    Variant("augmentation", "no equaliser", recipe=_learning_from(training_example)),
    Variant("noise", "always the nominal noise", _training(varied_share=0.0)),
    Variant("noise", "half of the examples varied", _training(varied_share=0.5)),
    Variant("loss", "SNR alone", _training(envelope_weight=0.0)),
    Variant("loss", "envelopes weigh 10 dB", _training(envelope_weight=10.0)),
    Variant("loss", "SI-SDR", recipe=_ours(loss=ideas.si_sdr)),
    Variant("loss", "SNR and compressed spectra", recipe=_ours(loss=ideas.compressed_spectra)),
    Variant("schedule", "batches of 32", _training(batch_size=32)),
    Variant("schedule", "learning rate of 0.002", _tuning(learning_rate=2e-3)),
    Variant("schedule", "learning rate of 0.008", _tuning(learning_rate=8e-3)),
    Variant("schedule", "eight epochs", _tuning(epochs=8)),
    Variant("weights", "encoder fine-tuned, too", recipe=_ours(build=build_ours)),
    Variant("weights", "half of the change kept", _tuning(share=0.5)),
    Variant("weights", "all of the change kept", _tuning(share=1.0)),
    Variant("from scratch", "baseline", recipe=FROM_SCRATCH),
    Variant("from scratch", "window of 32 ms", {"audio": {"n_fft": 256, "hop_length": 64}},
            FROM_SCRATCH),
    Variant("from scratch", "hop of half a window", {"audio": {"hop_length": 256}}, FROM_SCRATCH),
    Variant("from scratch", "two thirds of the channels",
            recipe=_sized(channels=(16, 32, 48, 64, 64), recurrent_units=80)),
    Variant("from scratch", "recurrent layer a fifth as wide", recipe=_sized(recurrent_units=22)),
    Variant("from scratch", "complex filter after the mask",
            recipe=_built(ideas.with_complex_filter)),
    Variant("use", "mean over two shifts", recipe=_ours(wrap=ideas.over_two_shifts), passes=2),
]  # fmt: skip


def _judge(denoise: Callable, store: ClipStore, rows, kind: str) -> dict[str, float]:
    """Return the scores of a variant with the noise of the run and with other noise."""
    improvement_db, intelligibility = _means(denoise, store, rows)
    return {
        "si_sdr_improvement_db": improvement_db,
        "estoi": intelligibility,
        "pink_db": _means(denoise, store, rows, kind="pink")[0],
        "at_10_db": _means(denoise, store, rows, kind=kind, snr_db=10.0)[0],
    }


def _means(denoise: Callable, store: ClipStore, rows, **condition) -> tuple[float, float]:
    """Return the mean SI-SDR improvement in dB and mean ESTOI over clips in one condition."""
    rate, gains, intelligibility = store.config.audio.sample_rate, [], []
    for row in rows:
        clean, noisy = store.clean(row), store.noisy(row, **condition)
        estimate = np.asarray(denoise(noisy, rate), dtype=float)
        gains.append(si_sdr(clean, estimate) - si_sdr(clean, noisy))
        intelligibility.append(estoi(clean, estimate, rate))
    return float(np.mean(gains)), float(np.nanmean(intelligibility))


def try_variant(run: Run, store: ClipStore, folds: pd.DataFrame, variant: Variant) -> pd.DataFrame:
    """Train a variant on the first fold's training speakers and score it on its validation ones.

    Returns
    -------
    pd.DataFrame
        One row: group, name; SI-SDR improvement in dB with the configured noise, `estoi`, and the
        improvement with pink noise and at +10 dB; `parameters`, `macs`, `training_ms` per clip
        and epoch, `epochs`.
    """
    store = dataclasses.replace(store, config=variant.over(store.config))
    config, recipe, learning = store.config, variant.recipe, store.for_training()
    training, validation, _ = split_speakers(folds, 0)
    lessons = recipe.lessons(learning, training, validation)
    checkpoints = run.path("checkpoints/search")
    shutil.rmtree(checkpoints, ignore_errors=True)
    title = f"{variant.group} {variant.name}".strip()
    network, history = learn(recipe, learning.config, lessons, checkpoints, title)
    shutil.rmtree(checkpoints)
    denoise = recipe.wrap(network, {"audio": dataclasses.asdict(config.audio)})
    rows = store.rows_of(validation, about=SCORED_CLIPS)
    macs = count_macs(network, recipe.one_second(config.audio))
    row = {
        "group": variant.group,
        "name": variant.name,
        **_judge(denoise, store, rows, learning.config.noise.kind),
        "parameters": network.count_params(),
        "macs": macs * variant.passes,
        "training_ms": 1e3 * float(np.median([h["seconds"] for h in history])) / lessons.clips,
        "epochs": len(history),
    }
    return pd.DataFrame([row])


def _part(store: ClipStore, folds: pd.DataFrame, i: int) -> tuple[str, str]:
    """Return the folder and key under which the i-th variant's result is stored."""
    variant = VARIANTS[i]
    changed = dataclasses.replace(store, config=variant.over(store.config))
    network = depends_on(variant.recipe, changed, split_speakers(folds, 0))
    facts = [network, variant.recipe.wrap, variant.passes, SCORED_CLIPS]
    return f"search/{i:02d}", fingerprint(facts, count_macs, _judge)


def try_all(run: Run, store: ClipStore, folds: pd.DataFrame) -> None:
    """Evaluate all variants whose results are not up to date, and store the result of each.

    ``search.json`` lists the keys of the results; it is rewritten when these change.
    """
    parts = [_part(store, folds, i) for i in range(len(VARIANTS))]
    for variant, part in zip(VARIANTS, parts):
        start = time.perf_counter()
        table = run.kept(*part, functools.partial(try_variant, run, store, folds, variant))
        seconds, gain = time.perf_counter() - start, table["si_sdr_improvement_db"].iat[0]
        print(f"{variant.name}: {gain:.2f} dB, {seconds:.0f} s", file=sys.stderr, flush=True)
    keys = [key for _, key in parts]
    if not run.path("search.json").is_file() or run.load_json("search") != keys:
        run.save_json("search", keys)


def open_search(run: Run, store: ClipStore, folds: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the results of the variants, and a note on those that are missing.

    Results of other settings, clips or code than the current ones are ignored.

    Returns
    -------
    pd.DataFrame
        One row per variant, as returned by `try_variant`; the present model first, the others
        from best to worst.
    """
    begun = run.path("search").is_dir()
    parts = [_part(store, folds, i) for i in range(len(VARIANTS))] if begun else []
    tables = [run.open_kept(*part) for part in parts if run.keeps(*part)]
    how = f"`make search CORPUS={run.corpus} PROFILE={run.config.profile}`"
    if not tables:
        return pd.DataFrame(), f"The search was not repeated for this run; {how} adds its table."
    table = pd.concat(tables, ignore_index=True)
    order = table["group"].ne("").astype(int) * 1000 - table["si_sdr_improvement_db"]
    table = table.iloc[order.argsort()].reset_index(drop=True)
    missing = len(VARIANTS) - len(table)
    return table, f"{missing} variants are missing; {how} goes on." if missing else ""


def main(corpus: str, profile: str, data_dir: str = "", params_file: str = "") -> None:
    """Run the ablation from the command line."""
    run = open_run(corpus=corpus, profile=profile, data_dir=data_dir, params_file=params_file)
    try_all(run, open_store(run), run.load("folds"))


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
