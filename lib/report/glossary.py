"""Glossary of the report, each term defined once; prose refers to it as ``@tbl-glossary``."""

from __future__ import annotations

import pandas as pd

__all__ = ["TERMS", "glossary"]

TERMS = {
    "dBFS": "Level relative to digital full scale, in decibels.",
    "SNR": "Signal-to-noise ratio: the energy of the speech relative to that of everything added "
    "to it, in decibels. At 0 dB both are equal; at −10 dB the noise has ten times the energy.",
    "SI-SDR": "Scale-invariant signal-to-distortion ratio: an SNR computed after optimal scaling "
    "of the clean signal, so that it does not depend on the volume.",
    "SI-SDRi, SNRi": "SI-SDR or SNR improvement: the value of the estimate minus that of the noisy "
    "input, clip by clip.",
    "ESTOI": "Extended short-time objective intelligibility: intelligibility (0 to 1) "
    "predicted from the correlation of short-time envelopes with those of the clean speech.",
    "PESQ": "Perceptual evaluation of speech quality: predicted listening quality, 1 to 4.5.",
    "recognition accuracy": "Share of digits that a recogniser trained on clean speech of other "
    "speakers classifies correctly.",
    "STFT": "Short-time Fourier transform: short overlapping windows of a waveform as sums of "
    "sinusoids, each with a magnitude and a phase.",
    "spectrogram": "The magnitudes of an STFT as an image: time to the right, frequency upwards.",
    "mask": "A factor between 0 and 1 for each time-frequency bin: how much of it to keep.",
    "ideal ratio mask": "The mask computed from the true powers of speech and noise.",
    "oracle": "A method with access to the clean signal; it shows the best masking could achieve.",
    "fold": "One split of the speakers into training, validation and test speakers; every speaker "
    "is a test speaker in exactly one fold.",
    "confidence interval": "CI: a range computed so that 95 % of such ranges contain the true "
    "value; here from resampling speakers (bootstrap). All intervals are pointwise.",
    "permutation test": "A test that compares the observed difference with those obtained after "
    "permuting the speakers' group labels.",
    "Holm's correction": "Adjusts the p-values of a family of tests so that the probability of "
    "any false positive stays below 5 %.",
    "minimum detectable effect": "MDE: the smallest true difference that a test detects with 80 % "
    "power, that is, in four of five corpora of this size.",
    "effect size": "Cohen's d: a difference in standard deviations; Pearson's r: a correlation; "
    "eta squared: the share of variance that groups explain.",
    "mixed model": "A regression on clips with a random intercept for each speaker.",
    "confounded": "Two properties of speakers are confounded if they vary together so closely "
    "that their effects cannot be separated.",
    "ablation": "Retraining with one part changed or removed, to measure its contribution.",
}


def glossary() -> pd.DataFrame:
    """Return the terms with their definitions, in the order in which they build on each other."""
    return pd.DataFrame(list(TERMS.items()), columns=["term", "definition"])
