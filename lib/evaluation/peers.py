"""Evaluation of published denoisers on the same clips as our model (`make compare`).

::

    python -m lib.evaluation.peers CORPUS PROFILE DATA_DIR PARAMS

trains those of them that need it on the folds, as our own model is trained, and scores all on the
test clips of every fold.  Notebook 04 reads the scores with `open_peers` if they are of its clips,
its noise and the present code; otherwise it says so and leaves them out.
"""

from __future__ import annotations

import sys

import pandas as pd

from lib.clips.store import ClipStore, open_store
from lib.errors import end
from lib.evaluation.folds import evaluate, kept_parts
from lib.evaluation.score import add_improvements
from lib.methods import METHODS, look_up
from lib.methods.pretrained import require_packages
from lib.training.train import train_all
from lib.workspace.folder import Run, open_run

__all__ = ["open_peers", "score_peers"]


def score_peers(run: Run, store: ClipStore, folds: pd.DataFrame) -> pd.DataFrame:
    """Train the peers that need training, score all peers, and save the scores for the report.

    Networks and scores are reused if all that they depend on is unchanged.  ``peers.json`` is
    rewritten only if scores were recomputed.

    Returns
    -------
    pd.DataFrame
        One row per clip and peer, with the columns of `lib.evaluation.folds.evaluate`.

    Raises
    ------
    InputError
        An optional package is missing.
    """
    require_packages()
    peers = [method for method in METHODS.values() if method.compared]
    train_all(run, store, folds, [method.name for method in peers if method.trained])
    scores = evaluate(run, store, folds, [look_up("noisy"), *peers])
    keys = [key for peer in peers for _, key in kept_parts(run, store, folds, peer)]
    if not run.path("peers.json").is_file() or run.load_json("peers") != keys:
        run.save_json("peers", keys)
    return scores[scores["method"] != "noisy"].reset_index(drop=True)


def open_peers(
    run: Run, store: ClipStore, folds: pd.DataFrame, scores: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Return scores with those of the peers appended, if they are valid, and a note about them.

    They are valid if clips, noise, settings, code and networks are those they were computed with.
    """
    how = f"`make compare CORPUS={run.corpus} PROFILE={run.config.profile}`"
    if run.data_dir:
        how = how[:-1] + " DATA_DIR=...`"
    if not run.path("peers.json").is_file():
        return scores, f"Published denoisers were not evaluated on these clips; {how} adds them."
    peers = [method for method in METHODS.values() if method.compared]
    parts = [part for peer in peers for part in kept_parts(run, store, folds, peer)]
    if not all(run.keeps(*part) for part in parts):
        return scores, (
            "The scores of the published denoisers were computed with different clips, settings "
            f"or code and are left out; {how} recomputes them."
        )
    noisy = scores[scores["method"] == "noisy"]
    theirs = pd.concat([noisy, *(run.open_kept(*part) for part in parts)], ignore_index=True)
    theirs = add_improvements(theirs)[lambda table: table["method"] != "noisy"]
    both = pd.concat([scores, theirs], ignore_index=True)
    names = [method.name for method in peers]
    ours = " and ".join(method.name for method in peers if method.trained)
    return both, (
        f"{len(names)} published denoisers are in the tables: {', '.join(names)}. {ours} was "
        "trained by us on the folds and examples and with the loss of our model; the others use "
        "their own weights and sample rates, receive each clip three times in a row, at the input "
        "level that suited them best on twenty test clips of FSDD, a choice in their favour."
    )


def main(corpus: str, profile: str, data_dir: str = "", params_file: str = "") -> None:
    """Command-line entry point."""
    require_packages()
    run = open_run(corpus=corpus, profile=profile, data_dir=data_dir, params_file=params_file)
    score_peers(run, open_store(run), run.load("folds"))


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
