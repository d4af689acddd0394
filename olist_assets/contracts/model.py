"""The contract of a trained model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A trained model: its name is the asset key, the registered model and the MLflow experiment."""

    name: str
    description: str
    metric: str
    """The metric on held-out data, higher is better, by which a new version becomes champion."""
    score: str | None = None
    """The column of its probability, in our tables and in the output of `olist predict`."""
    leak_suspect: str | None = None
    """A feature that may give the label away: the model is also trained without it, and both are compared."""
    kinds: frozenset[str] = frozenset({"pyspark", "mlflow"})


@dataclass(frozen=True)
class Promotion:
    """The decision which version of a model scores: its asset key is the name of the champion."""

    model: Model

    @property
    def name(self) -> str:
        return f"{self.model.name}_champion"
