"""What is known of the server that is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from .catalogue import Catalogue
from .models import Model
from .providers import Provider


@dataclass(frozen=True)
class Server:
    """What is known of the server that is asked.

    Attributes:
        refused: Model's id → the parameters that it has refused; what is learnt is added.
    """

    provider: Provider
    catalogue: Catalogue = field(default_factory=Catalogue)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def model(self, model_id: str) -> Model | None:
        return self.catalogue.find(model_id)
