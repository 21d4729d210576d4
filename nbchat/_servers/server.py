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
        taken: The model that nbchat took because none was chosen; blank if the choice was clear.
    """

    provider: Provider
    catalogue: Catalogue = field(default_factory=Catalogue)
    refused: dict[str, set[str]] = field(default_factory=dict)
    taken: str = ""

    @property
    def note(self) -> str:
        """Why the taken model was taken."""
        who = self.provider.name
        return f"No model was chosen, so {self.taken} was used: the first that {who} lists."

    def model(self, model_id: str) -> Model | None:
        return self.catalogue.find(model_id)
