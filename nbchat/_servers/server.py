"""What a request needs to know about its server."""

from __future__ import annotations

from dataclasses import dataclass, field

from .catalogue import Catalogue
from .models import Model
from .providers import Provider


@dataclass(frozen=True)
class Server:
    """What is known about the server of a request.

    Attributes:
        refused: Model id → the parameters that the server has refused with it. Requests add to it.
    """

    provider: Provider
    catalogue: Catalogue = field(default_factory=Catalogue)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def model(self, model_id: str) -> Model | None:
        return self.catalogue.find(model_id)
