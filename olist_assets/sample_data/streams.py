"""Deterministic randomness: streams for a chunk, and values and ids that are functions of an index."""

from zlib import crc32

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def stream(seed: int, name: str, chunk: int = 0) -> np.random.Generator:
    """The random stream of one chunk of one subject: no chunk depends on earlier chunks."""
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode()), chunk]))


def words(seed: int, name: str, index: Ints) -> Words:
    """64 mixed bits for every index (SplitMix64, Steele et al. 2014)."""
    start = int(np.random.SeedSequence([seed, crc32(name.encode())]).generate_state(1, np.uint64)[0])
    z = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN) + np.uint64(start & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(seed: int, name: str, index: Ints) -> Floats:
    """A number in [0, 1) for every index."""
    return (words(seed, name, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, name: str, index: Ints) -> Floats:
    """A standard normal number for every index (Box-Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, f"{name}/radius", index)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, f"{name}/angle", index))


def ids(seed: int, name: str, index: Ints) -> list[str]:
    """A 32-digit hexadecimal id for every index, quoted as the published files quote ids."""
    pairs = np.stack([words(seed, f"{name}/high", index), words(seed, f"{name}/low", index)], axis=1)
    digits = pairs.astype(">u8").tobytes().hex()
    plain = (digits[at : at + 32] for at in range(0, len(digits), 32))
    # The published files quote only text that begins with a digit.
    return [f'"{text}"' if text[0] <= "9" else text for text in plain]


def pick(rng: np.random.Generator, weights: list[float], size: int) -> Ints:
    """`size` random positions of `weights`, with probabilities proportional to their weights."""
    return positions(np.asarray(weights), rng.random(size))


def positions(weights: Floats, shares: Floats) -> Ints:
    """For each share in [0, 1) the position of `weights` whose cumulated range contains it."""
    cumulated = np.cumsum(weights)
    found = np.searchsorted(cumulated, shares * cumulated[-1], side="right")
    return np.minimum(found, len(weights) - 1).astype(np.int64)
