"""ICD-10-CM chapter X, sleep apnea and smoking."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.sections import Section as S

RESPIRATORY = (
    Condition(
        "J18.9",
        "Pneumonia, unspecified organism",
        "acute",
        names=("pneumonia", "community-acquired pneumonia", "lung infection", "bronchopulmonary infection"),
        short=("PNA", "CAP"),
        says={
            S.IMAGING: (
                "Chest film: <{right|left} lower lobe consolidation>.",
                "CXR: <new infiltrate at the {right|left} base>.",
            ),
            S.COURSE: ("<Ceftriaxone and azithromycin> were given for the <lobar infiltrate>.",),
        },
        spread=(((S.HPI, "{He} had <rusty sputum and fever>."), (S.IMAGING, "Film with <a new lobar opacity>.")),),
        misleads=(
            ("misleading", S.PLAN, "<Pneumonia> vaccine is up to date."),
            ("ambiguous", S.MEDS, "omeprazole 20 mg <CAP> as needed, rarely taken"),
            ("misleading", S.COURSE, "Incentive spirometer at the bedside to prevent <pneumonia>."),
            ("negation", S.IMAGING, "Chest film without <consolidation>."),
        ),
    ),
    Condition(
        "J44.1",
        "Chronic obstructive pulmonary disease with (acute) exacerbation",
        "acute",
        names=("COPD exacerbation", "acute exacerbation of COPD", "flare of chronic obstructive pulmonary disease"),
        short=("AECOPD", "COPD flare"),
        says={
            S.COURSE: (
                "{His} <emphysema flared> and {he} received <prednisone 40 mg for five days and nebulizers>.",
                "<Worse cough and wheeze on top of COPD> settled with <steroids and nebulizers>.",
            ),
        },
        spread=(
            ((S.HPI, "{His} <COPD got worse> over {3..6} days."), (S.COURSE, "<A steroid burst and duonebs> were given.")),
        ),
        misleads=(("other_use", S.COURSE, "<Prednisone> was given for contact dermatitis only."),),
        ages=(45, 95),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "J44.9",
        "Chronic obstructive pulmonary disease, unspecified",
        "chronic",
        names=("chronic obstructive pulmonary disease", "chronic obstructive lung disease", "stable COPD"),
        short=("COPD",),
        says={
            S.MEDS: ("<tiotropium 18 mcg> inhaled daily", "<umeclidinium-vilanterol> one puff daily"),
            S.IMAGING: ("Spirometry on file: <FEV1/FVC {0.48..0.64}, FEV1 {45..68}% predicted>.",),
        },
        spread=(((S.HPI, "{He} has <long-standing lung trouble> and a morning cough."), (S.MEDS, "<Spiriva> inhaled daily")),),
        misleads=(
            ("negation", S.IMAGING, "Spirometry on file: <FEV1/FVC> normal."),
            ("family", S.FAMILY, "An uncle died of <emphysema>."),
        ),
        ages=(45, 99),
    ),
    Condition(
        "J45.909",
        "Unspecified asthma, uncomplicated",
        "chronic",
        names=("asthma", "bronchial asthma", "mild asthma"),
        short=("RAD",),
        says={
            S.MEDS: (
                "<fluticasone inhaler {110|220} mcg> BID",
                "<montelukast 10 mg> nightly",
                "<budesonide-formoterol> two puffs BID",
            ),
            S.HPI: ("{He} <wheezes in spring> and <uses an albuterol inhaler> then.",),
        },
        misleads=(
            ("resolved", S.PMH, "<Asthma> as a child, outgrown, no inhalers since"),
            ("other_use", S.COURSE, "<Albuterol> was given once with a cold before admission."),
        ),
        ages=(18, 85),
    ),
    Condition(
        "J96.01",
        "Acute respiratory failure with hypoxia",
        "acute",
        names=(
            "acute hypoxic respiratory failure",
            "acute respiratory failure with hypoxia",
            "acute hypoxemic respiratory failure",
        ),
        short=("AHRF", "hypoxic resp failure"),
        says={
            S.HPI: ("{He} was <saturating {76..86}% on room air> and placed on <{6|10|15} liters of oxygen>.",),
            S.LABS: ("<ABG pO2 {46..57} on room air>",),
            S.COURSE: (
                "{He} needed <high flow oxygen at {40|50|60} liters> and then <BiPAP>.",
                "<Intubated for hypoxia> and extubated after {2..4} days.",
            ),
        },
        misleads=(
            ("misleading", S.COURSE, "Kept <intubated> for an hour after the procedure as planned."),
            ("negation", S.EXAM, "<Saturation {96..99}%> on room air."),
        ),
        unfit=frozenset({"education", "screening", "other_person"}),
    ),
    Condition(
        "G47.33",
        "Obstructive sleep apnea (adult) (pediatric)",
        "chronic",
        names=("obstructive sleep apnea", "sleep apnea", "obstructive sleep apnoea syndrome"),
        short=("OSA",),
        says={
            S.MEDS: ("<CPAP at {8..14} cm H2O> at night",),
            S.COURSE: ("{He} <used {his} own CPAP> every night.",),
            S.HPI: ("{He} <sleeps with a CPAP mask>.",),
        },
        spread=(
            (
                (S.HPI, "{He} <snores and dozes off> in the daytime."),
                (S.IMAGING, "Polysomnography on file: <AHI {22..48} per hour>."),
            ),
        ),
        misleads=(
            ("screening", S.COURSE, "STOP-BANG questionnaire low risk for <sleep apnea>."),
            ("other_person", S.SOCIAL, "{His} partner <uses a CPAP>."),
        ),
        ages=(30, 90),
    ),
    Condition(
        "F17.210",
        "Nicotine dependence, cigarettes, uncomplicated",
        "status",
        says={
            S.SOCIAL: (
                "<Smokes {half a pack|one pack|two packs} a day>.",
                "<Current smoker>, {20..50} pack-years.",
                "<Active tobacco use>, {5..30} cigarettes a day.",
            ),
            S.PMH: ("<Tobacco use disorder>", "<Nicotine dependence>"),
            S.MEDS: ("<nicotine patch 21 mg> daily",),
            S.COURSE: ("<Nicotine replacement> was given for <ongoing cigarette use>.",),
            S.PLAN: ("<Smoking cessation> counseling for {his} <daily cigarettes>.",),
            S.DIAGNOSES: ("<Tobacco dependence>", "<Nicotine dependence, cigarettes>"),
        },
        misleads=(
            (
                "negation",
                S.SOCIAL,
                "<Never smoked>.",
            ),
            ("negation", S.SOCIAL, "<Tobacco>: denies."),
            ("other_person", S.SOCIAL, "{His} neighbor <smokes a pack a day>."),
            ("family", S.FAMILY, "{Father|Mother} <smoked heavily>."),
        ),
        ages=(18, 85),
    ),
    Condition(
        "Z87.891",
        "Personal history of nicotine dependence",
        "status",
        says={
            S.SOCIAL: (
                "<Former smoker>, quit in {2004..2017}.",
                "<Quit smoking {4..15} years ago>.",
                "<Ex-smoker>, {15..45} pack-years.",
            ),
            S.PMH: ("<Past tobacco use>, quit", "<Former tobacco use>"),
            S.HPI: ("{He} <gave up cigarettes> in {2004..2017}.",),
            S.OPENER: ("<former tobacco use>",),
        },
        misleads=(
            ("other_person", S.SOCIAL, "{His} late brother was an <ex-smoker>."),
            ("negation", S.SOCIAL, "Lifelong <non-smoker>."),
        ),
        ages=(35, 99),
    ),
)
