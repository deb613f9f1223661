"""Learning curve: the general network trained on few speakers and on many.

::

    python -m lib.evaluation.learning_curve CORPUS PROFILE DATA_DIR PARAMS VOICES_DIR  (make curve)

Every network is trained from scratch for the same number of steps and scored on the speakers of the
corpus, all of them unseen; only the number of training speakers differs.  The variation between
random seeds is given for comparison: our network, fine-tuned on the first fold with several seeds.
Results computed before from the same voices, clips, settings and code are reused.
"""

from __future__ import annotations

import dataclasses
import functools
import shutil
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from lib.clips.examples import training_example
from lib.clips.folds import split_speakers, test_rows
from lib.clips.people import open_voices, part_people, prepare_voices
from lib.clips.store import ClipStore, content_of, open_store
from lib.errors import end
from lib.evaluation.score import add_improvements, score_method
from lib.methods import always, look_up
from lib.statistics.intervals import half_width
from lib.training import shipped
from lib.training.keep import read_record
from lib.training.loop import learn
from lib.training.recipe import Budget, Lessons, Recipe
from lib.training.recipes import recipe_of
from lib.training.train import open_trained, stem
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run, open_run

__all__ = ["SIZES", "compute", "describe", "learn_from", "open_curve", "vary_seed", "with_means"]

SIZES = (4, 16, 64, 256)  # speakers; and all available
AUDIO_MNIST = 60  # speakers, for comparison
SEEDS = 3
EPOCHS = 5  # over which the steps are divided; the best one is kept
SCORES = ["si_sdr_improvement_db", "estoi", "accuracy"]


class Steps:
    """Batches of (noisy, clean) waveforms of one epoch, with clips drawn with replacement.

    However few clips there are, an epoch has the same number of steps and no example occurs twice.
    """

    def __init__(self, store: ClipStore, rows: np.ndarray, *, steps: int, draw: int, epoch: int):
        self.store, self.rows, self.steps = store, rows, steps
        self.seed = [store.config.seed, draw, epoch]

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        config, rng = self.store.config, np.random.default_rng([*self.seed, batch])
        samples = round(config.training.crop_s * config.audio.sample_rate)
        rows = rng.choice(self.rows, config.training.batch_size)
        pairs = [training_example(self.store.clean(row), samples, rng, config) for row in rows]
        noisy, clean = zip(*pairs)
        return np.stack(noisy), np.stack(clean)


def _people(voices: ClipStore) -> tuple[list[str], list[str]]:
    """Return training and validation speakers, as for the general network."""
    return part_people(voices.index["speaker"], np.random.default_rng(voices.config.seed))


def _score(run: Run, store: ClipStore, folds: pd.DataFrame, denoise: Callable, rows: dict):
    """Return means of `SCORES` over the test clips in `rows`, and the number of clips."""
    tables = []
    for fold, of_fold in rows.items():
        recogniser = open_trained(run, "recogniser", fold)
        for method in (look_up("noisy"), always("ours", denoise, "black")):
            opened = method.open(run, fold)
            tables.append(score_method(method, opened, store, of_fold, recogniser=recogniser))
    scores = add_improvements(pd.concat(tables, ignore_index=True))
    scores = scores[scores["method"] == "ours"].assign(
        accuracy=lambda table: table["recognised"].eq(table["digit"])
    )
    return scores[SCORES].mean().to_dict() | {"clips": len(scores)}


def _train(run: Run, recipe: Recipe, config, lessons: Lessons, title: str) -> Callable:
    """Train a network and return it as a denoiser."""
    checkpoints = run.path("checkpoints/curve")
    shutil.rmtree(checkpoints, ignore_errors=True)
    network, _ = learn(recipe, config, lessons, checkpoints, title)
    shutil.rmtree(checkpoints)
    return recipe.wrap(network, {"audio": dataclasses.asdict(config.audio)})


def learn_from(
    run: Run, store: ClipStore, folds: pd.DataFrame, voices: ClipStore, people: int, draw: int
) -> pd.DataFrame:
    """Train on a random subset of the speakers and score on the corpus.

    Returns
    -------
    pd.DataFrame
        One row: `people`, `draw`, the means of SI-SDR improvement in dB, ESTOI and recognition
        accuracy over `clips` clips, `steps`.
    """
    steps = store.config.curve.steps // EPOCHS
    training, validation = _people(voices)
    rng = np.random.default_rng([store.config.seed, draw])
    chosen = rng.permutation(training)[:people].tolist()
    batches = functools.partial(Steps, voices, voices.rows_of(chosen), steps=steps, draw=draw)
    recipe = dataclasses.replace(
        recipe_of("general"), budget=lambda config: Budget(EPOCHS, patience=EPOCHS)
    )
    config = dataclasses.replace(voices.config, seed=store.config.seed + draw)
    title = f"{people} people, draw {draw + 1}"
    lessons = dataclasses.replace(recipe.lessons(voices, chosen, validation), batches=batches)
    denoise = _train(run, recipe, config, lessons, title)
    rows = test_rows(store, folds, store.config.curve.clips)
    scores = _score(run, store, folds, denoise, rows)
    return pd.DataFrame([{"people": people, "draw": draw, **scores, "steps": steps * EPOCHS}])


def vary_seed(run: Run, store: ClipStore, folds: pd.DataFrame, draw: int) -> pd.DataFrame:
    """Fine-tune our network on the first fold with another seed, and score it on that fold.

    Returns
    -------
    pd.DataFrame
        One row: `draw`, and the means and `clips` as in `learn_from`.
    """
    recipe, learning = recipe_of("ours"), store.for_training()
    config = dataclasses.replace(learning.config, seed=store.config.seed + draw)
    training, validation, _ = split_speakers(folds, 0)
    lessons = recipe.lessons(dataclasses.replace(learning, config=config), training, validation)
    denoise = _train(run, recipe, config, lessons, f"fold 1, seed {config.seed}")
    rows = {0: test_rows(store, folds, store.config.evaluation.max_clips)[0]}
    return pd.DataFrame([{"draw": draw, **_score(run, store, folds, denoise, rows)}])


def _points(voices: ClipStore, draws: int) -> list[tuple[int, int]]:
    """Return (people, draw) of every network of the curve, fewest people first."""
    training, _ = _people(voices)
    sizes = [*(size for size in SIZES if size < len(training)), len(training)]
    return [(size, draw) for size in sizes for draw in range(draws)]


def _depends_on(run: Run, store: ClipStore, folds: pd.DataFrame) -> str:
    """Return the fingerprint of everything that the curve depends on except the voices."""
    settings, recipes = run.config.to_dict(), [recipe_of("general"), recipe_of("ours")]
    parts = {"curve", "evaluation", *recipes[0].settings, *recipes[1].settings}
    recognisers = [
        read_record(run, stem("recogniser", fold)) for fold in sorted(folds["fold"].unique())
    ]
    facts: list = [recipe.needs() for recipe in recipes]
    facts += [{part: settings[part] for part in parts}, shipped.record().get("sha256"), recognisers]
    return fingerprint([*facts, content_of(store), folds.to_dict("list")], learn_from, vary_seed)


def compute(run: Run, store: ClipStore, folds: pd.DataFrame, voices: ClipStore) -> None:
    """Train and score whatever is not computed yet.

    Writes ``curve.parquet`` and ``seeds.parquet``, and last ``curve.json``, which records what they
    were computed from; nothing is written if they are up to date.
    """
    facts = {"corpus": _depends_on(run, store, folds), "voices": content_of(voices)}
    curve = [
        run.kept(
            f"curve/{size}-{draw}",
            fingerprint([facts, size, draw]),
            functools.partial(learn_from, run, store, folds, voices, size, draw),
        )
        for size, draw in _points(voices, run.config.curve.draws)
    ]
    seeds = [
        run.kept(
            f"curve/seed-{draw}",
            fingerprint([facts["corpus"], draw]),
            functools.partial(vary_seed, run, store, folds, draw),
        )
        for draw in range(SEEDS)
    ]
    if not run.path("curve.json").is_file() or run.load_json("curve") != facts:
        run.save("curve", pd.concat(curve, ignore_index=True))
        run.save("seeds", pd.concat(seeds, ignore_index=True))
        run.save_json("curve", facts)


def open_curve(
    run: Run, store: ClipStore, folds: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return the rows of `learn_from` and of `vary_seed`, and a note if there are none.

    Results from other settings, clips or code than the present ones are not used.
    """
    how = f"`make curve CORPUS={run.corpus} PROFILE={run.config.profile}`"
    there = run.path("curve.json").is_file()
    if not there or run.load_json("curve")["corpus"] != _depends_on(run, store, folds):
        line = f"The learning curve was not computed for this run; {how} adds it."
        return pd.DataFrame(), pd.DataFrame(), line
    return run.load("curve"), run.load("seeds"), ""


def with_means(curve: pd.DataFrame) -> pd.DataFrame:
    """Add the mean of every score over the draws, with Student's t interval.

    Returns
    -------
    pd.DataFrame
        The rows of `curve` and, for each score, its ``_mean``, ``_low`` and ``_high`` for that
        number of people; the limits are NaN where there is only one draw.
    """
    table = curve.copy()
    for score in SCORES if len(curve) else []:
        draws = curve.groupby("people")[score]
        n = draws.transform("size")
        half = half_width(draws.transform("std") / np.sqrt(n), (n - 1).clip(lower=1))
        table[f"{score}_mean"] = draws.transform("mean")
        table[f"{score}_low"] = table[f"{score}_mean"] - half
        table[f"{score}_high"] = table[f"{score}_mean"] + half
    return table


def describe(curve: pd.DataFrame, seeds: pd.DataFrame) -> str:
    """Describe the effect of more speakers and the variation between seeds in two sentences."""
    score = "si_sdr_improvement_db"
    mean = curve.groupby("people")[score].mean()
    near = min(mean.index, key=lambda people: abs(people - AUDIO_MNIST))
    first, *others = sorted({mean.index[0], near, mean.index[-1]})
    text = (
        f"After {int(curve['steps'].iat[0]):,} steps, the SI-SDRi is {mean[first]:.2f} dB for "
        f"networks trained on {first:,} speakers"
        + "".join(f", {mean[people]:.2f} dB for {people:,}" for people in others)
        + f"; Audio MNIST has {AUDIO_MNIST}. "
    )
    low, high = seeds[score].min(), seeds[score].max()
    return text + (
        f"In one fold, the SI-SDRi of our model varies by {high - low:.2f} dB over {len(seeds)} "
        f"random seeds ({low:.2f} to {high:.2f} dB)."
    )


def main(
    corpus: str, profile: str, data_dir: str = "", params_file: str = "", voices_dir: str = ""
) -> None:
    """Command-line entry point."""
    run = open_run(corpus=corpus, profile=profile, data_dir=data_dir, params_file=params_file)
    place = open_run(
        corpus="speech-commands",
        profile=profile,
        params_file=params_file,
        build_dir="build/voices",
    )
    voices = prepare_voices(place, open_voices(voices_dir))
    compute(run, open_store(run), run.load("folds"), voices)


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
