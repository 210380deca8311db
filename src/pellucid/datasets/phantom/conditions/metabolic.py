"""ICD-10-CM chapters III and IV (blood, endocrine, nutrition, electrolytes) and gout, osteoporosis."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition, Kind
from pellucid.datasets.phantom.sections import Section as S

_LABORATORY: frozenset[Kind] = frozenset({"education", "screening", "other_person"})

METABOLIC = (
    Condition(
        "E11.9",
        "Type 2 diabetes mellitus without complications",
        "chronic",
        names=("type 2 diabetes mellitus", "type 2 diabetes", "adult-onset diabetes", "diabetes mellitus type 2"),
        short=("T2DM", "DM2", "NIDDM"),
        says={
            S.MEDS: ("<metformin {500|850|1000} mg> BID", "<sitagliptin 100 mg> daily"),
            S.LABS: ("<HbA1c {6.5..6.9}%>",),
        },
        spread=(
            ((S.HPI, "{He} <checks {his} sugar at home>, with good readings."), (S.MEDS, "<glipizide 5 mg> before breakfast")),
        ),
        misleads=(
            ("other_use", S.MEDS, "<metformin 500 mg> daily to help {him} lose weight, stopped last year"),
            ("ambiguous", S.MEDS, "Robitussin <DM> as needed for cough"),
            ("negation", S.LABS, "<HbA1c {5.1..5.5}%>"),
        ),
        ages=(35, 99),
    ),
    Condition(
        "E11.65",
        "Type 2 diabetes mellitus with hyperglycemia",
        "chronic",
        names=(
            "type 2 diabetes with hyperglycemia",
            "poorly controlled type 2 diabetes",
            "hyperglycemia due to type 2 diabetes",
        ),
        short=("T2DM with hyperglycemia", "uncontrolled T2DM"),
        says={
            S.LABS: ("<glucose {320..480}, HbA1c {9.8..13.5}%>",),
            S.COURSE: ("{His} <diabetes was out of control>, with <sugars above {300|350|400}>.",),
        },
        spread=(
            (
                (S.HPI, "{He} was <thirsty and passed much urine>, having <run out of metformin>."),
                (S.LABS, "<glucose {340..520}>"),
            ),
        ),
        misleads=(
            ("misleading", S.COURSE, "A single <glucose of {210..240}> was drawn above a dextrose infusion."),
            ("misleading", S.COURSE, "<Sugars in the 200s> only while on prednisone."),
        ),
        ages=(35, 99),
        unfit=frozenset({"screening", "family", "other_person"}),
    ),
    Condition(
        "E78.5",
        "Hyperlipidemia, unspecified",
        "chronic",
        names=("hyperlipidemia", "dyslipidemia", "high cholesterol", "elevated lipids"),
        short=("HLD",),
        says={
            S.MEDS: ("<atorvastatin {20|40|80} mg> nightly", "<rosuvastatin {10|20} mg> daily", "<simvastatin 20 mg> nightly"),
            S.LABS: ("<LDL {162..214}>",),
            S.PLAN: ("<Fasting lipids> in {six|eight} weeks, <statin dose> to be adjusted.",),
        },
        spread=(((S.HPI, "{He} was once told that {his} <lipid panel was bad>."), (S.MEDS, "<ezetimibe 10 mg> daily")),),
        misleads=(
            ("allergy", S.ALLERGIES, "<simvastatin> (muscle pain)"),
            ("screening", S.PLAN, "Routine <lipid screening> with the PCP."),
        ),
        ages=(35, 99),
    ),
    Condition(
        "E03.9",
        "Hypothyroidism, unspecified",
        "chronic",
        names=("hypothyroidism", "underactive thyroid", "thyroid insufficiency"),
        short=("hypothyroid", "hypoT4"),
        says={
            S.MEDS: ("<levothyroxine {50|75|88|100|112} mcg> daily", "<Synthroid {50|75|100} mcg> every morning"),
            S.LABS: ("<TSH {11.2..28.6}>",),
        },
        spread=(
            (
                (S.HPI, "{He} has <a thyroid condition> since {2002..2015}."),
                (S.PLAN, "<Levothyroxine> dose unchanged, <TSH> in six weeks."),
            ),
        ),
        misleads=(
            ("negation", S.LABS, "<TSH {1.1..3.2}>, normal"),
            ("misleading", S.EXAM, "<Thyroid> not enlarged."),
            ("misleading", S.PSH, "Benign <thyroid> nodule biopsy {2006..2015}"),
        ),
        ages=(30, 99),
        unfit=frozenset({"other_person"}),
    ),
    Condition(
        "E66.9",
        "Obesity, unspecified",
        "chronic",
        names=("obesity", "simple obesity", "adiposity"),
        short=("class I obesity",),
        says={
            S.EXAM: ("<Body mass index {31.2..38.9}>.", "Habitus: <markedly overweight, BMI {32..39}>."),
            S.PLAN: ("Referred to the <weight loss clinic>.",),
        },
        misleads=(
            ("negation", S.EXAM, "<BMI {20.4..24.6}>."),
            ("misleading", S.SOCIAL, "Kept the <weight> {he} lost ten years ago off."),
        ),
        ages=(20, 90),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "E87.6",
        "Hypokalemia",
        "acute",
        names=("hypokalemia", "low potassium", "potassium depletion"),
        short=("hypoK", "low K"),
        says={
            S.LABS: ("<K {2.4..3.1}>", "<potassium {2.5..3.1}>"),
            S.COURSE: ("<K was {2.5..3.1}> and <repleted with {40|60|80} mEq of potassium chloride>.",),
        },
        spread=(
            (
                (S.HPI, "<Potassium came back at {2.5..3.1}>."),
                (S.COURSE, "<Potassium chloride> was given by mouth until <levels were normal>."),
            ),
        ),
        misleads=(
            ("misleading", S.LABS, "<K {2.6..3.1}>, drawn above the IV, repeat {3.9..4.4}"),
            ("negation", S.LABS, "<K {3.8..4.4}>"),
        ),
        unfit=_LABORATORY,
    ),
    Condition(
        "E87.5",
        "Hyperkalemia",
        "acute",
        names=("hyperkalemia", "high potassium", "elevated potassium"),
        short=("hyperK",),
        says={
            S.LABS: ("<K {5.9..7.1}>",),
            S.COURSE: ("<Potassium of {6.0..7.0}> was treated with <calcium gluconate, insulin and dextrose>.",),
            S.IMAGING: ("ECG: <peaked T waves>, normalized after <sodium zirconium>.",),
        },
        misleads=(
            ("misleading", S.LABS, "<K {5.8..6.6}>, hemolyzed, repeat {3.9..4.5}"),
            ("negation", S.LABS, "<K {3.9..4.5}>"),
        ),
        unfit=_LABORATORY,
    ),
    Condition(
        "E87.1",
        "Hypo-osmolality and hyponatremia",
        "acute",
        names=("hyponatremia", "low sodium", "hypo-osmolar hyponatremia"),
        short=("hypoNa", "low Na"),
        says={
            S.LABS: ("<Na {117..127}>", "<sodium {118..127}>"),
            S.COURSE: ("<Sodium of {118..126}> corrected slowly with <fluid restriction>.",),
        },
        spread=(
            (
                (S.HPI, "Labs showed <a sodium of {117..127}>."),
                (S.COURSE, "<Salt tablets and fluid restriction> brought it to {132..135}."),
            ),
        ),
        misleads=(("negation", S.LABS, "<Na {137..142}>"), ("education", S.PLAN, "Low <sodium> diet explained.")),
        unfit=_LABORATORY,
    ),
    Condition(
        "E86.0",
        "Dehydration",
        "acute",
        names=("dehydration", "volume depletion from poor intake", "clinical dehydration"),
        short=("dehydrated state",),
        says={
            S.HPI: ("{He} arrived <dry, with poor skin turgor> and <orthostatic>.",),
            S.COURSE: ("<Clinically dry> on arrival, better after <{2|3} liters of lactated Ringer's>.",),
        },
        misleads=(
            ("misleading", S.EXAM, "Mucous membranes <moist>."),
            ("education", S.PLAN, "Drink enough in hot weather to avoid <dehydration>."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "D64.9",
        "Anemia, unspecified",
        "chronic",
        names=("anemia", "chronic anemia", "anemia of unclear cause", "low blood count"),
        short=("chr. anemia",),
        says={
            S.LABS: ("<Hgb {8.1..9.9}>, at baseline", "<hemoglobin {8.2..9.9}>, stable"),
            S.PLAN: ("Repeat <CBC for the low hemoglobin> with the PCP.",),
            S.EXAM: ("<Pale conjunctivae>, as before.",),
        },
        misleads=(
            ("negation", S.LABS, "<Hgb {13.2..15.1}>"),
            ("misleading", S.LABS, "<Hgb {8.2..9.4}>, diluted sample, repeat {13.0..14.6}"),
        ),
        ages=(30, 99),
    ),
    Condition(
        "D62",
        "Acute posthemorrhagic anemia",
        "acute",
        names=("acute blood loss anemia", "acute posthemorrhagic anemia", "anemia from acute bleeding"),
        short=("ABLA",),
        says={
            S.LABS: ("<Hgb fell from {12.1..13.4} to {6.4..7.3}>",),
            S.COURSE: (
                "<Hemoglobin dropped by {4|5} points after blood loss> and <{2|3} units of red cells> were transfused.",
            ),
        },
        misleads=(
            ("misleading", S.COURSE, "A <type and screen> was sent and no blood was needed."),
            ("negation", S.LABS, "<Hgb stable at {12.8..14.6}>"),
        ),
        unfit=frozenset({"education", "screening", "other_person"}),
    ),
    Condition(
        "D69.6",
        "Thrombocytopenia, unspecified",
        "acute",
        names=("thrombocytopenia", "low platelets", "low platelet count"),
        short=("TCP", "low plts"),
        says={
            S.LABS: ("<platelets {38..88}>", "<Plt {41..92}>"),
            S.COURSE: ("<Platelets fell to {42..85}> and <heparin products were stopped>.",),
        },
        misleads=(
            ("negation", S.LABS, "<platelets {190..310}>"),
            ("misleading", S.LABS, "<platelets {44..88}>, clumped, repeat {190..260} in citrate"),
        ),
        unfit=_LABORATORY,
    ),
    Condition(
        "M10.9",
        "Gout, unspecified",
        "chronic",
        names=("gout", "gouty arthritis", "recurrent gout"),
        short=("podagra",),
        says={
            S.MEDS: ("<allopurinol {100|300} mg> daily", "<febuxostat 40 mg> daily", "<colchicine 0.6 mg> for flares"),
            S.LABS: ("<uric acid {8.6..11.2}>",),
        },
        spread=(((S.HPI, "{His} <big toe swells> from time to time."), (S.LABS, "<urate {8.8..11.0}>")),),
        misleads=(("allergy", S.ALLERGIES, "<allopurinol> (rash)"), ("negation", S.LABS, "<uric acid {4.2..5.6}>")),
        ages=(35, 99),
    ),
    Condition(
        "M81.0",
        "Age-related osteoporosis without current pathological fracture",
        "chronic",
        names=("osteoporosis", "age-related osteoporosis", "senile osteoporosis"),
        short=("OP",),
        says={
            S.MEDS: ("<alendronate 70 mg> weekly", "<denosumab 60 mg> every six months"),
            S.IMAGING: ("DXA on file: <T-score -{2.6..3.7} at the spine>.",),
        },
        misleads=(
            ("screening", S.PLAN, "<Bone density> scan at the age recommended for all."),
            ("negation", S.IMAGING, "DXA on file: <bone density> normal."),
        ),
        ages=(60, 99),
    ),
)
