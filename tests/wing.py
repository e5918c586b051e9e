"""The rooms of the kernels as the tests call them: compiled or, with the compiler switched off, as they are."""

from importlib import import_module

from tests.conftest import COMPILED


def room(name):
    """A room by its name, such as `forward`."""
    return import_module(f"hmmfilter.{'_compiled' if COMPILED else '_kernels'}.{name}")
