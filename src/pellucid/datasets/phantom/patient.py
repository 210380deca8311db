"""Who the notes are about, and what each stay in hospital was for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.conditions import IMPLIES, WEIGHT, excluded_by
from pellucid.datasets.phantom.dice import Dice

MOST_LABELS = 9
LEAST_LABELS = 3

_PRONOUNS = {
    "F": {"he": "she", "his": "her", "him": "her", "man": "woman", "Mr": "Ms.", "He": "She", "His": "Her"},
    "M": {"he": "he", "his": "his", "him": "him", "man": "man", "Mr": "Mr.", "He": "He", "His": "His"},
}


@dataclass(frozen=True)
class Patient:
    """A person, with what stays true from note to note: age, sex, and chronic conditions and statuses."""

    age: int
    sex: str
    lasting: tuple[Condition, ...]


def draw_patient(catalogue: Sequence[Condition], dice: Dice) -> Patient:
    """A patient between 40 and 95, more often old, with one to six lasting conditions and what they imply."""
    age, sex = 95 - int(56 * dice.uniform() ** 1.5), dice.pick("FM")
    count = dice.between(1, 3) if age < 55 else dice.between(2, 6)
    pool = [c for c in catalogue if c.nature != "acute" and c.fits(age, sex)]
    return Patient(age, sex, tuple(_with_implied(_compatible(pool, (), count, dice), catalogue)))


def draw_stay(patient: Patient, catalogue: Sequence[Condition], dice: Dice) -> list[Condition]:
    """What is true in one note: most of the lasting conditions and one to four acute ones; three to nine where codes allow.

    A catalogue of few codes may leave fewer than three that fit, or none.
    """
    lasting = _with_implied([c for c in patient.lasting if dice.chance(0.9)], catalogue)
    count = max(dice.between(1, 4), LEAST_LABELS - len(lasting))
    pool = [c for c in catalogue if c.nature == "acute" and c.fits(patient.age, patient.sex)]
    return [*lasting, *_compatible(pool, lasting, count, dice)][:MOST_LABELS]


def words_about(patient: Patient) -> Mapping[str, str]:
    """What the slots of templates stand for."""
    a, works = "an" if 80 <= patient.age <= 89 else "a", "Works as a" if patient.age < 65 else "Retired"
    return _PRONOUNS[patient.sex] | {"age": str(patient.age), "a": a, "Works": works}


def _compatible(pool: Sequence[Condition], beside: Iterable[Condition], count: int, dice: Dice) -> list[Condition]:
    """Up to `count` conditions of the pool that go together and with those `beside`.

    On average no more than half of the pool: where codes are few, none shall be true of every note.
    """
    taken: list[Condition] = []
    count = min(count, len(pool) // 2 + (len(pool) % 2 and dice.between(0, 1)))
    barred: set[str] = set().union(*(excluded_by(c.code) for c in beside))
    for _ in range(count):
        possible = [c for c in pool if c.code not in barred]
        if not possible:
            break
        chosen = dice.weighted(possible, [WEIGHT[c.code] for c in possible])
        taken.append(chosen)
        barred |= excluded_by(chosen.code) | {chosen.code}
    return taken


def _with_implied(conditions: Sequence[Condition], catalogue: Sequence[Condition]) -> list[Condition]:
    """The conditions, and those of the catalogue that they imply and that are not among them."""
    codes = {c.code for c in conditions}
    implied = {IMPLIES[code] for code in codes if code in IMPLIES} - codes
    return [*conditions, *(c for c in catalogue if c.code in implied)]
