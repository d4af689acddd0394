"""What a training needs of a machine learning library, the same in both flavours."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from mlflow.models import Model as StoredModel
    from pyspark.sql import DataFrame

    from olist_assets.settings import Settings


class FittedModel(ABC):
    """A model that was trained, with its imputation and its scaling."""

    features: tuple[str, ...]
    """The columns that it reads, all of them doubles, in the order of the training."""

    @abstractmethod
    def score(self, frame: "DataFrame") -> "DataFrame":
        """The frame with its result as more columns.

        `prediction` INT is the label or the cluster; a classifier adds `probability` DOUBLE, that of label 1, and
        clusters add `features`, the standardized features as an array.
        """

    @abstractmethod
    def feature_importances(self) -> dict[str, float]:
        """Gini importance of each feature in a forest; the sum is 1 (Hastie et al., 2009, 10.13.1)."""

    @abstractmethod
    def coefficient_sizes(self) -> dict[str, float]:
        """Absolute value of each standardized feature's coefficient in a regression."""

    @abstractmethod
    def cluster_centers(self) -> "list[np.ndarray]":
        """Centers in standardized features, by the model's cluster number."""

    @abstractmethod
    def save(self, folder: Path, stored: "StoredModel", settings: "Settings") -> None:
        """Write its files into an existing folder, and what they are into MLflow's description of the model."""


class Estimator(Protocol):
    """A model that is not trained yet."""

    def fit(self, frame: "DataFrame") -> FittedModel:
        """The model trained on these rows: the same rows in the same layout give the same model."""
        ...


class Estimators(ABC):
    """The estimators of one flavour, and how their models are read."""

    libraries: tuple[str, ...]
    """The modules that they import when they are used."""

    @abstractmethod
    def in_fixed_order(self, frame: "DataFrame", key: str) -> "AbstractContextManager[DataFrame]":
        """The rows, computed once for all uses, so that the same rows give the same model whatever their order was."""

    @abstractmethod
    def random_forest(
        self,
        features: tuple[str, ...],
        may_be_missing: tuple[str, ...],
        *,
        label: str,
        trees: int,
        depth: int,
        seed: int,
        scaled: bool = False,
    ) -> Estimator:
        """Medians for missing values, and a forest; on standardized features if `scaled`."""

    @abstractmethod
    def logistic_regression(
        self,
        features: tuple[str, ...],
        may_be_missing: tuple[str, ...],
        *,
        label: str,
        iterations: int,
        regularization: float,
    ) -> Estimator:
        """Medians for missing values, standardized features, and a logistic regression (L2)."""

    @abstractmethod
    def kmeans(self, features: tuple[str, ...], *, clusters: int, seed: int) -> Estimator:
        """Standardized features, and k-means."""

    @abstractmethod
    def silhouette(self, clustered: "DataFrame") -> float:
        """Mean silhouette by squared Euclidean distance of rows that clusters have scored."""

    @abstractmethod
    def load(self, folder: Path, settings: "Settings") -> FittedModel:
        """The model in a folder that `save` has written. Raises ModelRefused for files that it cannot have written."""
