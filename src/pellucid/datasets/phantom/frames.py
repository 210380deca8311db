"""General sentences around the name of a condition. ``{x}`` stands for the name, ``{X}`` for the same with a capital letter."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Kind, Nature, Said
from pellucid.datasets.phantom.sections import Section as S

TRUE: dict[Nature, tuple[Said, ...]] = {
    "chronic": (
        (S.OPENER, "<{x}>"),
        (S.OPENER, "<{x}>"),
        (S.PMH, "<{X}>"),
        (S.PMH, "<{X}>"),
        (S.PMH, "<{X}>, {known since|diagnosed in|since} {2001..2016}"),
        (S.PMH, "<{X}>, {stable|followed by the PCP|followed by a specialist|under treatment}"),
        (S.PMH, "{Longstanding|Known} <{x}>"),
        (
            S.HPI,
            "{He} {is treated for|has long had|is followed for} <{x}>{, well controlled at home|, without recent change|}.",
        ),
        (S.HPI, "{Records from|Letters from} {the PCP|[**Hospital**]|an outside clinic} {also mention|mention} <{x}>."),
        (S.COURSE, "# <{X}>: {stable during this stay|home regimen continued|no change was made|outpatient regimen resumed}."),
        (S.COURSE, "{His} <{x}> {was stable|gave no trouble|was managed as at home|did not limit treatment}."),
        (
            S.COURSE,
            "{Given|In view of} {his} <{x}>, {pharmacy reviewed all drugs|doses were adjusted|the usual regimen was kept}.",
        ),
        (S.DIAGNOSES, "<{X}>"),
        (S.DIAGNOSES, "<{X}>, {chronic|stable|unchanged}"),
        (S.PLAN, "{Follow up with|See} {the PCP|the specialist|Dr. [**Name**]} for <{x}> in {two|four|six} weeks."),
        (S.PLAN, "{Continue|No change to} treatment of <{x}>."),
    ),
    "acute": (
        (S.HPI, "{He} was {found to have|diagnosed with} <{x}>{ in the emergency department| on arrival| at [**Hospital**]|}."),
        (S.HPI, "{Work-up|Evaluation} in the emergency department {was consistent with|established|confirmed} <{x}>."),
        (S.HPI, "{Transferred|Admitted|Referred} for {treatment|management} of <{x}>."),
        (S.COURSE, "# <{X}>: {improved with treatment|resolved before discharge|treated as described|better within days}."),
        (S.COURSE, "# <{X}>: {improved steadily|responded to treatment|treated with good effect|settled by the third day}."),
        (S.COURSE, "The {stay|admission|course} was {complicated by|notable for|marked by} <{x}>."),
        (S.COURSE, "{The team|We} treated {him} for <{x}> {with good effect|according to protocol|from the first day on}."),
        (S.COURSE, "{Consultants|Specialists} agreed with the {diagnosis|treatment} of <{x}>."),
        (S.DIAGNOSES, "<{X}>"),
        (S.DIAGNOSES, "<{X}>, {improved|treated|resolving}"),
        (S.PLAN, "{Repeat labs|Clinic visit|Phone call} in {one week|two weeks|ten days} after <{x}>."),
        (S.PLAN, "{Aftercare|Follow-up} of <{x}> as {discussed|arranged|outlined above}."),
    ),
    "status": (),
}

_RELATIVE = "{Mother|Father|Brother|Sister|An aunt|An uncle|Maternal grandmother|Paternal grandfather}"

FALSE: dict[Kind, tuple[Said, ...]] = {
    "negation": (
        (S.COURSE, "There was no {evidence|sign|indication} of <{x}>."),
        (S.COURSE, "{No|Never any} <{x}> during this stay."),
        (S.HPI, "{He} {denies any history of|denies|has no known} <{x}>."),
        (S.HPI, "{No|Negative for} <{x}> {by history|on review of the chart}."),
        (S.PMH, "No <{x}>"),
    ),
    "family": (
        (S.FAMILY, f"{_RELATIVE} {{had|has|was treated for|lived with}} <{{x}}>."),
        (S.FAMILY, "Family history {positive for|of|includes} <{x}>."),
        (S.FAMILY, f"{_RELATIVE} with <{{x}}>{{ in old age| since youth|, still living|}}."),
    ),
    "resolved": (
        (S.PMH, "<{X}> in {1999..2012}, {resolved|full recovery|no recurrence}"),
        (S.PMH, "Remote <{x}>, {resolved|fully treated at the time|no longer active}"),
        (S.HPI, "{He} had <{x}> {years|more than a decade} ago{, fully recovered|, resolved, without recurrence}."),
    ),
    "ruled_out": (
        (S.COURSE, "<{X}> was {considered but ruled out|excluded|thought unlikely and then ruled out}."),
        (S.COURSE, "Work-up for <{x}> was {negative|unrevealing}."),
        (S.HPI, "Initial concern for <{x}>, {which was ruled out|not confirmed|excluded in triage}."),
        (S.DIAGNOSES, "<{X}>, {ruled out|excluded}"),
    ),
    "screening": (
        (S.PLAN, "Screening for <{x}> {was declined|is due next year|can wait until the next visit}."),
        (S.SOCIAL, "Screened for <{x}> {at work|at a health fair|last year}, {negative|result normal}."),
    ),
    "education": (
        (
            S.PLAN,
            "A {leaflet|handout|booklet} about {prevention of|warning signs of} <{x}> was {given|left} as general advice.",
        ),
        (S.PLAN, "Taught {him} {how to lower the risk of|to watch for signs of} <{x}>."),
    ),
    "other_person": (
        (S.SOCIAL, "Cares for {a neighbor|an old partner|a friend} with <{x}>."),
        (S.SOCIAL, "{His} {cousin|partner|neighbor} {has|was admitted with|is treated for} <{x}>."),
    ),
    "copied": (
        (S.HPI, "[copied forward] Previous admission for <{x}>, {treated and resolved|since resolved}."),
        (S.PMH, "<{X}> at the previous admission, {resolved|treated, resolved}"),
    ),
}

EARLIER_NEGATIVE: tuple[Said, ...] = (
    (S.HPI, "At first there was no {sign|evidence} of <{x}>."),
    (S.COURSE, "The first test, done elsewhere, had been negative for <{x}>."),
)
"""Denials that may stand in a note whose patient does have the (acute) condition."""

OF_NATURE: dict[Nature, tuple[Kind, ...]] = {
    "chronic": ("negation", "negation", "family", "family", "screening", "education", "other_person"),
    "acute": ("negation", "negation", "ruled_out", "ruled_out", "resolved", "education", "other_person"),
    "status": (),
}
"""General kinds of distractor, as often as they are listed."""

BESIDE_TRUTH: frozenset[Kind] = frozenset({"family", "education", "other_person", "ambiguous"})
"""Kinds that do not contradict the label where the patient does have the condition."""
