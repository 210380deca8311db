"""The grammar itself: codes, templates, and that filler is silent about all codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pellucid.datasets.phantom.conditions import CATALOGUE, FREQUENCY, IMPLIES, WEIGHT, excluded_by, undeniable_beside
from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.filler import DAY, FILLER, OF_SEX
from pellucid.datasets.phantom.frames import EARLIER_NEGATIVE, FALSE, OF_NATURE, TRUE
from pellucid.datasets.phantom.patient import Patient, words_about
from pellucid.datasets.phantom.sections import FORMS, Section
from pellucid.datasets.phantom.template import parse, render

# Category, then up to three digits or letters of detail and a seventh character (placeholder x where detail is missing).
_ICD_10_CM = re.compile(r"[A-TV-Z]\d[0-9AB](\.[0-9A-KXZ]{1,3}|\.[0-9A-Z]{3}[A-Z])?")
_PHRASES = [
    *(said for group in TRUE.values() for said in group),
    *(said for group in FALSE.values() for said in group),
    *EARLIER_NEGATIVE,
]


def _filler() -> Iterator[str]:
    for group in (FILLER, *OF_SEX.values()):
        for templates in group.values():
            yield from templates
    yield from DAY


def _own() -> Iterator[tuple[Section, str]]:
    for condition in CATALOGUE.values():
        yield from ((section, template) for section, templates in condition.says.items() for template in templates)
        yield from (part for parts in condition.spread for part in parts)


def test_at_least_forty_codes_of_valid_form() -> None:
    assert len(CATALOGUE) >= 40
    assert all(_ICD_10_CM.fullmatch(code) for code in CATALOGUE)
    assert [c.code for c in CATALOGUE.values()] == list(FREQUENCY)
    assert len({c.title for c in CATALOGUE.values()}) == len(CATALOGUE)


def test_frequencies_fall_with_rank() -> None:
    weights = [WEIGHT[code] for code in FREQUENCY]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > 4 * weights[-1]


def test_every_code_has_several_surface_forms() -> None:
    for condition in CATALOGUE.values():
        own = sum(map(len, condition.says.values())) + len(condition.spread)
        assert len(condition.names) + len(condition.short) + own >= 5, condition.code
        assert condition.misleads, condition.code
        assert bool(condition.names) == (condition.nature != "status"), condition.code


@pytest.mark.parametrize("sex", ["F", "M"])
def test_every_template_renders_to_clean_text(sex: str) -> None:
    words = words_about(Patient(70, sex, ()))
    templates = [template for _, template in [*_PHRASES, *_own()]] + list(_filler())
    templates += [template for c in CATALOGUE.values() for _, _, template in c.misleads]
    for template in templates:
        for seed in range(5):
            text = "".join(s.text for s in render(template.replace("{x}", "x").replace("{X}", "X"), Dice(seed), words))
            assert text == text.strip(), template
            assert not re.search(r"[{}<>|]|  | [.,;]", text), template


def test_marks_of_evidence_are_there_and_those_of_distractors_are_single() -> None:
    marked = {template: template.count("<") for _, template in [*_PHRASES, *_own()]}
    assert all(marked.values())
    misleading = [template for c in CATALOGUE.values() for _, _, template in c.misleads]
    misleading += [template for group in FALSE.values() for _, template in group] + [t for _, t in EARLIER_NEGATIVE]
    assert all(template.count("<") == 1 for template in misleading)
    assert all(not part.marked for template in _filler() for part in parse(template))


def test_spread_mentions_lie_in_different_sections() -> None:
    for condition in CATALOGUE.values():
        for parts in condition.spread:
            assert len({section for section, _ in parts}) == len(parts) >= 2, condition.code


def test_filler_is_silent_about_every_code() -> None:
    body = "\n".join(_filler())
    for condition in CATALOGUE.values():
        for name in condition.names:
            assert not re.search(rf"\b{re.escape(name)}\b", body, re.IGNORECASE), name
        for name in condition.short:
            assert not re.search(rf"\b{re.escape(name)}\b", body), name


def test_filler_names_no_drug_or_laboratory_value_of_a_code() -> None:
    body = "\n".join(_filler()).lower()
    for condition in CATALOGUE.values():
        for section in (Section.MEDS, Section.LABS):
            for template in condition.says.get(section, ()):
                first = re.split(r"[ ,{]", template.removeprefix("<"))[0].lower()
                assert not re.search(rf"\b{re.escape(first)}\b", body), (condition.code, first)


def test_lists_have_no_full_stops_and_prose_has() -> None:
    lists = {Section.OPENER, Section.PMH, Section.PSH, Section.MEDS, Section.LABS, Section.DIAGNOSES, Section.ADMISSION}
    lists |= {Section.ALLERGIES, Section.COMPLAINT}
    said = [*_PHRASES, *_own(), *((s, t) for c in CATALOGUE.values() for _, s, t in c.misleads)]
    said += [(section, template) for section, templates in FILLER.items() for template in templates]
    for section, template in said:
        assert template.endswith(".") != (section in lists), template


def test_every_section_has_a_form_and_filler_except_daily_notes() -> None:
    assert set(FORMS) == set(Section)
    assert set(FILLER) == set(Section) - {Section.PROGRESS}


def test_relations_name_known_codes_and_exclusion_is_mutual() -> None:
    for code in CATALOGUE:
        assert excluded_by(code) <= undeniable_beside(code) <= set(CATALOGUE)
        assert all(code in excluded_by(other) for other in excluded_by(code))
    for code, implied in IMPLIES.items():
        assert implied not in excluded_by(code)
        assert CATALOGUE[implied].ages[0] <= CATALOGUE[code].ages[0]


def test_general_kinds_leave_every_named_condition_some_distractor() -> None:
    for condition in CATALOGUE.values():
        if condition.nature != "status":
            assert set(OF_NATURE[condition.nature]) - condition.unfit, condition.code
