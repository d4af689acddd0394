"""The zip prefixes in use, each with a city, a state, coordinates, and its shares of customers and sellers."""

import unicodedata
from dataclasses import dataclass

import numpy as np

from olist_assets.sample_data.geography import STATES, State
from olist_assets.sample_data.streams import Floats, Ints, positions, stream

_ZIPS_AT_SCALE_1 = 19_000
_MIN_ZIPS = 300


@dataclass(frozen=True)
class Places:
    """Columns over the zip prefixes: quoted fields, coordinates, and weights of customers and sellers."""

    zips: list[str]
    cities: list[str]
    accented_cities: list[str]
    states: list[str]
    latitude: Floats
    longitude: Floats
    slowness: Floats
    customer_weight: Floats
    seller_weight: Floats

    def homes(self, shares: Floats) -> Ints:
        """The zip of a customer for each share in [0, 1)."""
        return positions(self.customer_weight, shares)

    def warehouses(self, shares: Floats) -> Ints:
        """The zip of a seller for each share in [0, 1)."""
        return positions(self.seller_weight, shares)

    def addresses(self, zips: Ints) -> tuple[list[str], list[str], list[str]]:
        """The fields zip, city and state of each zip."""
        at = zips.tolist()
        return [self.zips[i] for i in at], [self.cities[i] for i in at], [self.states[i] for i in at]


def without_accents(text: str) -> str:
    """`text` in ASCII, as the published customers and sellers spell cities."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def places(seed: int, scale: float) -> Places:
    """The zip prefixes of a sample. Above scale 1 they stay the same: a country does not grow with its orders."""
    wanted = max(_MIN_ZIPS, round(_ZIPS_AT_SCALE_1 * min(scale, 1.0)))
    # Every city has at least one zip prefix, and no state has more than its range allows.
    parts = [_city_parts(state, wanted) for state in STATES]
    cities = [(state, *part) for state, part_list in zip(STATES, parts, strict=True) for part in part_list]
    repeats = np.array([len(city[2]) for city in cities])
    rng = stream(seed, "places")
    offsets = rng.normal(0.0, 0.9, (len(cities), 2)) * np.array([[city[4]] for city in cities])
    centres = np.array([city[0].place for city in cities]) + np.clip(offsets, -1.2, 1.2)
    local = rng.normal(0.0, 0.05, (int(repeats.sum()), 2))
    names = [city[1] for city in cities for _ in city[2]]
    shares = np.repeat(np.array([city[3] for city in cities]) / repeats, repeats)
    states = [city[0] for city in cities for _ in city[2]]
    where = np.repeat(centres, repeats, axis=0) + local
    return Places(
        zips=[f'"{number:05d}"' for city in cities for number in city[2]],
        cities=[without_accents(name) for name in names],
        accented_cities=names,
        states=[state.code for state in states],
        latitude=where[:, 0],
        longitude=where[:, 1],
        slowness=np.array([state.slowness for state in states]),
        customer_weight=shares * np.array([state.customers for state in states]),
        seller_weight=shares * np.array([state.sellers for state in states]),
    )


def _city_parts(state: State, wanted: int) -> list[tuple[str, list[int], float, float]]:
    """Each city's name, zips, share of its state, and its largest distance from the capital."""
    first, last = state.zips
    room = (last - first) // len(state.cities)
    weights = 1.0 / np.arange(1, len(state.cities) + 1)
    shares = weights / weights.sum()
    parts: list[tuple[str, list[int], float, float]] = []
    for rank, (city, share) in enumerate(zip(state.cities, shares.tolist(), strict=True)):
        count = min(room, max(1, round(wanted * state.customers / 100 * share)))
        start = first + rank * room
        numbers = (start + np.arange(count) * room // count).tolist()
        parts.append((city, numbers, share, 0.0 if rank == 0 else 1.0))
    return parts
