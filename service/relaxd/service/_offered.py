"""The models that can be asked for: the server's own, and those that ship with relaxd."""

from collections.abc import Callable

from relaxd.model import model_names
from relaxd.relax import Relaxer
from relaxd.service._settings import Settings

RelaxerFactory = Callable[[str, str], Relaxer]
"""Loads the model of a name, or of a file, onto a device."""


def load_relaxers(settings: Settings, load: RelaxerFactory) -> list[Relaxer]:
    """Return all models, the server's own first; it hides one that ships by the same name."""
    own = load(settings.model, settings.device)
    others = [name for name in model_names() if name != own.model.name]
    return [own, *(load(name, settings.device) for name in others)]
