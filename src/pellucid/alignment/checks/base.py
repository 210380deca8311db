"""What a check is: a named test of something that belongs to the user, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec

from pellucid.errors import PellucidError

P = ParamSpec("P")


class Inapplicable(PellucidError):
    """A check was given nothing that it could judge; neither a pass nor a failure."""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        name: of the check, which is that of the defect.
        passed: True where the defect is not there.
        says: one sentence; where the check fails, with the remedy. It never quotes a report.
        counts: what was counted, by name.
    """

    name: str
    passed: bool
    says: str
    counts: Mapping[str, float]


@dataclass
class Tally:
    """What a check counts as it goes, and the problems that it met, each said once."""

    counts: dict[str, float] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: float = 1) -> None:
        """One more of something, or `by` more."""
        self.counts[name] = self.counts.get(name, 0) + by

    def expect(self, holds: Any, problem: str) -> None:
        """One more probe; `problem` is noted unless it holds."""
        self.count("probes")
        if not holds:
            self.problems[problem] = self.problems.get(problem, 0) + 1

    def verdict(self, name: str, about: str) -> Verdict:
        """The verdict; with nothing counted there is none.

        Raises:
            Inapplicable: nothing was counted.
        """
        if not any(self.counts.values()):
            raise Inapplicable(f"The check {name} has nothing to look at; give it at least one row.")
        counts = {**self.counts, "problems": sum(self.problems.values())}
        if not self.problems:
            return Verdict(name, True, f"No sign of the defect: {about}.", counts)
        return Verdict(name, False, f"Found: {'; '.join(self.problems)}.", counts)


@dataclass(frozen=True)
class Check(Generic[P]):
    """One check.

    Attributes:
        name: of the defect that it names.
        about: what the defect is, in one clause.
        look: what is run.
    """

    name: str
    about: str
    look: Callable[P, Tally]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Verdict:
        """Look for the defect; arguments are those of the function that the check is made of.

        Raises:
            Inapplicable: there is nothing to look at.
        """
        return self.look(*args, **kwargs).verdict(self.name, self.about)


CHECKS: dict[str, Check[...]] = {}
"""All checks by the names of their defects; complete once `pellucid.alignment.checks` is imported."""


def check(name: str, about: str) -> Callable[[Callable[P, Tally]], Check[P]]:
    """Decorator: the function becomes the check of that name."""

    def decorate(look: Callable[P, Tally]) -> Check[P]:
        made = Check(name, about, look)
        object.__setattr__(made, "__doc__", look.__doc__)
        CHECKS[name] = made
        return made

    return decorate
