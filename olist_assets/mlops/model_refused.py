"""The refusal of a stored model."""

from olist_assets.errors import OlistError


class ModelRefused(OlistError):
    """Says why the files of a version are not the model that a training registered. It was not loaded."""
