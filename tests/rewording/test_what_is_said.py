"""Other findings, other amounts, the opposite, and the same in other words."""

from __future__ import annotations

import pytest
from hypothesis import given
from sentences_said import TEXTS, phrase

from pellucid.rewording import REWORDINGS, Context, sides
from pellucid.rewording.levels import levels
from pellucid.rewording.lexicon import negated
from pellucid.rewording.vocabulary import VOCABULARY, looks

NEGATION, SEVERITY = REWORDINGS["negation"], REWORDINGS["severity"]
FINDING, PARAPHRASE = REWORDINGS["finding_swap"], REWORDINGS["paraphrase"]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("No pneumothorax.", "Pneumothorax."),
        ("Small left effusion.", "No left effusion."),
        ("A very small LLL nodule.", "No LLL nodule."),
        ("Mild to moderate edema.", "No edema."),
        ("There is a small-bore tube line opacity.", "There is no small-bore tube line opacity."),
        ("LLL opacity.", "No LLL opacity."),
        ("An opacity in the left lung.", "No opacity in the left lung."),
        ("There is no pleural effusion.", "There is pleural effusion."),
        ("On the left there is an effusion.", "On the left there is no effusion."),
        ("There is a small effusion.", "There is no effusion."),
        ("There are opacities in both lungs.", "There are no opacities in both lungs."),
        ("No effusion or pneumothorax is seen.", "Effusion or pneumothorax is seen."),
        ("A nodule is not seen.", "A nodule is seen."),
        ("A nodule is seen on the left.", "A nodule is not seen on the left."),
        ("The left lung without effusion.", "The left lung with effusion."),
        ("Chest radiograph with an effusion.", "Chest radiograph without an effusion."),
    ],
)
def test_what_is_there_is_denied_and_what_is_denied_is_there(text, other):
    assert NEGATION(phrase(text), Context()).text == other
    assert negated(text) != negated(other)


@pytest.mark.parametrize(
    "text",
    [
        *("No change in the effusion.", "No longer seen.", "Effusion has resolved.", "The lungs are clear.", "Clear lungs."),
        *("There is no effusion, but an opacity.", "Effusion and opacity.", "There is a left effusion and a nodule."),
        *(
            "Small effusion with atelectasis.",
            "No effusion and no pneumothorax.",
            "There is now an effusion.",
            "The heart is enlarged.",
        ),
        *("Possible pneumonia.", "There is persistent opacity.", "Increased opacity at the base.", "Left > right effusions."),
        *("Right-greater-than-left effusions.", "There are left greater than right effusions."),
        *("Pneumonia cannot be excluded.", "Cannot exclude pneumonia."),
        *("Radiological progression with consolidation.", "There is a nodule without effusion.", "Stable effusion."),
    ],
)
def test_a_sentence_whose_opposite_is_not_sure_is_left_alone(text):
    assert NEGATION(phrase(text), Context()) is None


def test_conditions_turn_with_the_sentence_and_mixed_ones_refuse():
    assert NEGATION(phrase("No effusion.", effusion=False), Context()).conditions == (("effusion", True),)
    assert NEGATION(phrase("No effusion.", effusion=False, nodule=True), Context()) is None


@given(TEXTS)
def test_negation_turns_what_is_denied_and_no_side_or_height(text):
    new = NEGATION(phrase(text), Context())
    if new is not None:
        assert negated(new.text) != negated(text)
        assert (sides(new.text), levels(new.text)) == (sides(text), levels(text))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("A small left effusion.", "A large left effusion."),
        ("Mild edema, slightly worse", "Marked edema, markedly worse"),
        ("An extensive opacity", "A minimal opacity"),
        ("MODERATE EFFUSION", "SMALL EFFUSION"),
    ],
)
def test_small_becomes_large_and_the_article_fits(text, other):
    assert SEVERITY(phrase(text), Context()).text == other


@pytest.mark.parametrize(
    "text",
    [
        "Left effusion",
        "Small-bore tube",
        "Large bowel",
        "Small to moderate effusion",
        "Smallish",
        "Slight improvement of the opacity",
    ],
)
def test_what_is_no_amount_or_a_range_of_amounts_stays(text):
    assert SEVERITY(phrase(text), Context()) is None


def test_another_finding_is_of_another_look_at_the_same_place():
    for seed in range(20):
        new = FINDING(phrase("An opacity in the left lung.", lung_opacity=True), Context(seed=seed))
        assert new.text in tuple(f"A {name} in the left lung." for name in ("nodule", "mass", "round lesion", "bulla"))
        assert looks(new.conditions[0][0]).isdisjoint(looks("lung opacity"))


def test_another_finding_keeps_number_and_letters():
    assert FINDING(phrase("PLEURAL EFFUSIONS"), Context()).text == "PNEUMOTHORACES"
    assert FINDING(phrase("Cardiomegaly."), Context()).text == "Pneumomediastinum."


def test_words_that_other_reports_use_come_first():
    others = (phrase("A nodule is seen."), phrase("Right enlargement of the heart"))
    for seed in range(20):
        assert FINDING(phrase("Left opacity."), Context(others=others, seed=seed)).text == "Left nodule."
        assert PARAPHRASE(phrase("Cardiomegaly."), Context(others=others[:1], seed=seed)).text == "Cardiomegaly is seen."


def test_a_finding_that_the_report_names_elsewhere_is_never_put_in():
    sibling = phrase("There is a right pneumothorax.")
    assert FINDING(phrase("Left effusion."), Context(siblings=(sibling,))) is None
    assert FINDING(phrase("Left effusion."), Context()).text == "Left pneumothorax."


def test_a_nodule_is_never_called_an_opacity_which_it_is():
    for seed in range(20):
        new = FINDING(phrase("A nodule in the left lung."), Context(seed=seed))
        assert looks(new.text).isdisjoint({"lump"})
        assert not {"opacity", "density"} & set(new.text.split())


def test_air_under_the_skin_is_no_emphysema_of_the_lung():
    assert FINDING(phrase("Subcutaneous emphysema on the left."), Context()) is None
    assert FINDING(phrase("Emphysema on the left."), Context()) is not None


@pytest.mark.parametrize(
    "text",
    [
        "No effusion.",
        "Effusion and nodule.",
        "The lungs are clear.",
        "Rib fracture.",
        "Patchy opacity.",
        "Opacity with air bronchograms.",
    ],
)
def test_a_denied_finding_several_or_an_unknown_one_is_not_exchanged(text):
    assert FINDING(phrase(text), Context()) is None


def test_every_finding_of_the_vocabulary_is_read_as_itself():
    for finding in VOCABULARY:
        assert looks(finding.name) == {finding.look}
        assert finding.plural is None or looks(finding.plural) == {finding.look}


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("There is an infiltrate.", {"An infiltrate is seen."}),
        ("An infiltrate is seen.", {"An infiltrate is present.", "There is an infiltrate."}),
        ("There is no infiltrate.", {"No infiltrate is seen."}),
        ("LLL infiltrate", {"Left lower lobe infiltrate", "LLL infiltrate is seen"}),
        ("Infiltrates.", {"Infiltrates are seen."}),
        ("On the left there is an infiltrate.", {"There is an infiltrate on the left."}),
        ("There is an infiltrate at the apex.", {"An infiltrate is seen at the apex."}),
        ("The left lung is clear.", {"The lung on the left is clear."}),
        (
            "Mass in the right upper lobe.",
            {"Mass in the upper lobe of the right lung.", "Mass in the right upper lobe is seen."},
        ),
        ("Low-density nodule, healed.", {"Low-density round lesion, healed."}),
        ("Left effusion, old.", {"Left-sided effusion, old."}),
        ("Left-sided effusion, old.", {"Left effusion, old."}),
        ("Right-greater-than-left effusions.", {"Right-greater-than-left effusions are seen."}),
        ("Right effusions are larger than the left effusions.", {"Right-sided effusions are larger than the left effusions."}),
        ("An opacity, old.", {"A density, old."}),
        ("The heart is enlarged.", {"The cardiac silhouette is enlarged."}),
    ],
)
def test_a_paraphrase_is_one_of_few_ways_to_say_the_same(text, others):
    assert {PARAPHRASE(phrase(text), Context(seed=seed)).text for seed in range(30)} == others


def test_no_sentence_with_a_verb_gets_a_second_one():
    for text in ("Left lower lobe opacity cannot be excluded.", "Cannot exclude left basilar pneumonia."):
        assert {"seen", "present"}.isdisjoint(
            PARAPHRASE(phrase(text), Context(seed=s)).text.rstrip(".").split()[-1] for s in range(9)
        )


@given(TEXTS)
def test_a_paraphrase_keeps_sides_heights_findings_and_what_is_denied(text):
    new = PARAPHRASE(phrase(text), Context())
    if new is not None:
        assert sides(new.text) == sides(text)
        assert levels(new.text) == levels(text)
        assert negated(new.text) == negated(text)
