"""Names to things: the one place where a string becomes code.

Each kind of thing (explainers, metrics, data sets, predictors, objectives, presets of training) has a :class:`Registry`.
Built-in things register themselves when their room is first asked for; another package adds its own through the entry-point
group of the kind, for instance::

    [project.entry-points."pellucid.explainers"]
    my_method = "my_package.my_module:MyMethod"

A family is one factory for many names, such as `captum:LRP`: what stands behind the colon is its setting `member`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, TypeVar

from pellucid.errors import PellucidError, UnknownNameError

T = TypeVar("T", bound=Callable[..., Any])


class Registry:
    """A table of factories of one kind.

    Args:
        kind: what one entry is, in the singular, for messages.
        home: the module whose import registers the built-in entries; imported when first needed, so that a registry costs
            nothing until it is used.
    """

    def __init__(self, kind: str, home: str) -> None:
        self.kind = kind
        self.home = home
        self._factories: dict[str, Callable[..., Any]] = {}
        self._families: dict[str, Callable[..., Any]] = {}
        self._loaded = False

    def register_family(self, name: str) -> Callable[[T], T]:
        """Decorator: the factory makes all that is called `name:MEMBER`, given MEMBER as its setting `member`. Not listed.

        Raises:
            ValueError: the name is taken.
        """

        def decorate(factory: T) -> T:
            if name in self._families:
                raise ValueError(f"the family {name!r} of {self.kind}s is registered twice")
            self._families[name] = factory
            return factory

        return decorate

    def register(self, name: str, **settings: Any) -> Callable[[T], T]:
        """Decorator: make the factory (a class or function) known under `name`, with `settings` bound to it.

        One factory may be registered several times under other names and settings.

        Raises:
            ValueError: the name is taken.
        """

        def decorate(factory: T) -> T:
            if name in self._factories:
                raise ValueError(f"the {self.kind} {name!r} is registered twice")
            self._factories[name] = _Bound(factory, settings) if settings else factory
            return factory

        return decorate

    def create(self, name: str, **settings: Any) -> Any:
        """Make the thing of that name.

        Raises:
            UnknownNameError: no such name; the message lists near ones.
            PellucidError: the settings do not fit.
        """
        factory = self.factory(name)
        try:
            return factory(**settings)
        except TypeError as error:
            raise PellucidError(f"The {self.kind} {name!r} does not take these settings: {error}.") from error

    def factory(self, name: str) -> Callable[..., Any]:
        """The class or function behind a name, not called.

        Raises:
            UnknownNameError: no such name; the message lists near ones.
        """
        self._load()
        family, colon, member = name.partition(":")
        if colon and family in self._families:
            return _Bound(self._families[family], {"member": member})
        if name not in self._factories:
            near = difflib.get_close_matches(name, self._factories, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}? " if near else ""
            shown = f"`pellucid list {self.kind}s` shows all."
            raise UnknownNameError(f"There is no {self.kind} named {name!r}; {hint}{shown}")
        return self._factories[name]

    def names(self) -> list[str]:
        """All names, in order of registration."""
        self._load()
        return list(self._factories)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names() or (isinstance(name, str) and ":" in name and name.partition(":")[0] in self._families)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        importlib.import_module(self.home)
        for point in entry_points(group=f"pellucid.{self.kind}s"):
            if point.name not in self._factories:
                self._factories[point.name] = point.load()


class _Bound:
    """A factory with some settings fixed; what it makes can still be set otherwise."""

    def __init__(self, factory: Callable[..., Any], settings: dict[str, Any]) -> None:
        self.factory = factory
        self.settings = settings
        self.__doc__ = factory.__doc__

    def __call__(self, **settings: Any) -> Any:
        return self.factory(**{**self.settings, **settings})

    def __getattr__(self, name: str) -> Any:
        """The facts of what it makes."""
        if name.startswith("__") or name == "factory":
            raise AttributeError(name)
        return getattr(self.factory, name)


datasets = Registry("dataset", "pellucid.datasets")
predictors = Registry("predictor", "pellucid.predictors")
explainers = Registry("explainer", "pellucid.explainers")
metrics = Registry("metric", "pellucid.metrics")
objectives = Registry("objective", "pellucid.training")
presets = Registry("preset", "pellucid.training")
