"""ICD-10-CM chapter I, and the statuses that belong to it."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.sections import Section as S

CIRCULATORY = (
    Condition(
        "I10",
        "Essential (primary) hypertension",
        "chronic",
        names=("hypertension", "essential hypertension", "primary hypertension", "high blood pressure"),
        short=("HTN",),
        says={
            S.MEDS: (
                "<lisinopril {10|20|40} mg> daily",
                "<amlodipine {5|10} mg> daily",
                "<hydrochlorothiazide 25 mg> every morning",
            ),
            S.COURSE: ("<Blood pressure ran in the {150|160|170}s> for days and <amlodipine was added>.",),
        },
        spread=(
            (
                (S.HPI, "{He} has had <pressure problems> for {many years|a long time|decades}."),
                (S.MEDS, "<losartan {25|50|100} mg> daily"),
            ),
        ),
        misleads=(
            ("allergy", S.ALLERGIES, "<lisinopril> (cough)"),
            ("other_use", S.MEDS, "<propranolol 10 mg> as needed for essential tremor"),
            ("misleading", S.EXAM, "<BP {150..164}/{84..92}> while in pain, normal on recheck."),
            ("ambiguous", S.IMAGING, "Echo with mild pulmonary <hypertension>, otherwise normal."),
        ),
        ages=(30, 99),
    ),
    Condition(
        "I48.91",
        "Unspecified atrial fibrillation",
        "chronic",
        names=("atrial fibrillation", "auricular fibrillation", "fibrillation of the atria"),
        short=("AFib", "A-fib", "Afib"),
        says={
            S.MEDS: ("<metoprolol 25 mg BID for rate control>", "<diltiazem 120 mg daily for rate control>"),
            S.IMAGING: ("ECG: <irregularly irregular rhythm without P waves>, rate {84..118}.",),
            S.COURSE: ("Telemetry showed <an irregularly irregular rhythm>, rate kept below 110 with <diltiazem>.",),
        },
        spread=(((S.HPI, "{He} has noticed <an irregular heartbeat> for years."), (S.MEDS, "<amiodarone 200 mg> daily")),),
        misleads=(
            ("ambiguous", S.EXAM, "VS: <AF>, HR {70..88}, RR {14..18}, breathing comfortably."),
            ("misleading", S.COURSE, "A reading of <atrial fibrillation> by the monitor was motion artifact."),
            ("other_use", S.MEDS, "<metoprolol 25 mg> as needed before flights"),
        ),
        ages=(40, 99),
    ),
    Condition(
        "I50.9",
        "Heart failure, unspecified",
        "chronic",
        names=("heart failure", "congestive heart failure", "cardiac failure"),
        short=("CHF", "HF"),
        says={
            S.MEDS: ("<furosemide {20|40|80} mg> daily", "<torsemide {10|20} mg> daily", "<sacubitril-valsartan 24-26 mg> BID"),
            S.LABS: ("<proBNP {2400..9800}>",),
            S.COURSE: ("{He} was <volume overloaded> and <diuresed {2..6} liters with IV furosemide>.",),
        },
        spread=(
            (
                (S.IMAGING, "Echo: <left ventricular ejection fraction {20..35}%>."),
                (S.HPI, "{His} <ankles swell> and {he} sleeps <on three pillows>."),
            ),
        ),
        misleads=(
            ("other_use", S.COURSE, "One dose of <furosemide> was given after a generous fluid bolus, none since."),
            ("misleading", S.EXAM, "Trace <ankle edema> from venous stasis."),
            ("ambiguous", S.COURSE, "Weaned from <HF> nasal cannula after the procedure."),
        ),
        ages=(45, 99),
    ),
    Condition(
        "I25.10",
        "Atherosclerotic heart disease of native coronary artery without angina pectoris",
        "chronic",
        names=("coronary artery disease", "coronary atherosclerosis", "ischemic heart disease", "coronary heart disease"),
        short=("CAD",),
        says={
            S.IMAGING: ("Old catheterization report: <{60|70|80}% stenosis of the LAD>.",),
            S.MEDS: ("<isosorbide mononitrate 30 mg> daily", "<aspirin 81 mg for the coronaries>"),
        },
        spread=(
            (
                (S.IMAGING, "CT with <heavy calcification of the left anterior descending artery>."),
                (S.MEDS, "<ranolazine 500 mg> BID"),
            ),
        ),
        misleads=(
            ("misleading", S.COURSE, "{His} <cardiac risk> was judged low and no stress test was done."),
            ("other_use", S.MEDS, "<aspirin 81 mg> on {his} own initiative"),
            ("ambiguous", S.SOCIAL, "Works with <CAD> software as a draftsman."),
        ),
        ages=(45, 99),
    ),
    Condition(
        "I21.4",
        "Non-ST elevation (NSTEMI) myocardial infarction",
        "acute",
        names=("non-ST elevation myocardial infarction", "non-ST-elevation MI", "non-Q-wave myocardial infarction"),
        short=("NSTEMI",),
        says={
            S.LABS: ("<troponin T 0.04 then {0.38..1.90}>",),
            S.HPI: ("<Troponin rose to {1.1..6.8}> with <ST depressions in the lateral leads>.",),
            S.COURSE: (
                "For the <troponin rise with ST depression> {he} went to catheterization and received <a drug-eluting stent>.",
            ),
        },
        misleads=(
            ("ruled_out", S.COURSE, "Three <troponins> were flat and an infarction was excluded."),
            ("ambiguous", S.IMAGING, "Echo with trivial <MI> and TR."),
            ("family", S.FAMILY, "{Father|Brother} had a <heart attack> at {52..70}."),
        ),
        ages=(45, 99),
    ),
    Condition(
        "I63.9",
        "Cerebral infarction, unspecified",
        "acute",
        names=("ischemic stroke", "cerebral infarction", "acute stroke", "cerebrovascular accident"),
        short=("CVA", "acute CVA"),
        says={
            S.IMAGING: ("MRI brain: <restricted diffusion in the {left|right} MCA territory>.",),
            S.HPI: ("{He} woke with <facial droop and slurred speech>, NIHSS {3..12}.",),
        },
        spread=(
            (
                (S.HPI, "{He} developed <sudden {left|right} arm weakness>."),
                (S.COURSE, "<Tenecteplase was given> by the neurology team with good recovery."),
            ),
        ),
        misleads=(
            ("ambiguous", S.EXAM, "Back without <CVA> tenderness."),
            ("education", S.PLAN, "Call 911 for signs of <stroke>, as told to everyone we discharge."),
            ("family", S.FAMILY, "{Mother|Grandfather} had a <stroke> at {70..85}."),
            ("misleading", S.HPI, "A <code stroke> was called in triage and cancelled within minutes."),
        ),
        ages=(40, 99),
        unfit=frozenset({"resolved"}),
    ),
    Condition(
        "Z86.73",
        "Personal history of transient ischemic attack and cerebral infarction without residual deficits",
        "status",
        says={
            S.PMH: (
                "<Stroke in {1998..2014}, no residual deficits>",
                "<Prior CVA {2001..2015} without sequelae>",
                "<TIA in {2003..2016}>",
            ),
            S.OPENER: ("<a remote stroke>", "<a prior TIA>"),
            S.HPI: ("{He} <had a stroke in {2002..2014} and recovered fully>.",),
            S.COURSE: ("Given {his} <old stroke without deficits>, neurology was informed.",),
        },
        misleads=(
            ("family", S.FAMILY, "{Father|Mother} <had a TIA> at {68..81}."),
            ("negation", S.HPI, "{He} <never had a stroke or TIA>."),
        ),
        ages=(50, 99),
    ),
    Condition(
        "I26.99",
        "Other pulmonary embolism without acute cor pulmonale",
        "acute",
        names=("pulmonary embolism", "pulmonary emboli", "pulmonary thromboembolism"),
        short=("PE",),
        says={
            S.IMAGING: (
                "CTA chest: <filling defects in the {right|left} lower lobe segmental arteries>, no right heart strain.",
            ),
            S.COURSE: ("<Clot in the lung arteries> was treated with <a heparin infusion>.",),
        },
        misleads=(
            ("ambiguous", S.EXAM, "<PE>: unchanged from the examination on arrival."),
            ("family", S.FAMILY, "{Mother|Aunt} had a <pulmonary embolism> after surgery."),
            ("ruled_out", S.IMAGING, "CTA chest without <filling defect> to the subsegmental level."),
        ),
    ),
    Condition(
        "I82.409",
        "Acute embolism and thrombosis of unspecified deep veins of unspecified lower extremity",
        "acute",
        names=("deep vein thrombosis", "deep venous thrombosis of the leg", "lower extremity venous thrombosis"),
        short=("DVT",),
        says={
            S.IMAGING: ("Venous duplex: <noncompressible femoral vein with thrombus>.",),
            S.COURSE: ("<Clot in a deep leg vein> on ultrasound, started on <enoxaparin 1 mg/kg>.",),
        },
        spread=(
            ((S.HPI, "{He} noticed <a swollen, tender calf>."), (S.IMAGING, "Duplex: <the popliteal vein does not compress>.")),
        ),
        misleads=(
            ("misleading", S.COURSE, "{Heparin|Enoxaparin} was given for <DVT> prophylaxis."),
            ("family", S.FAMILY, "{Sister|Mother} had a <DVT> in pregnancy."),
            ("negation", S.IMAGING, "Duplex of both legs without <thrombus>."),
        ),
    ),
    Condition(
        "Z79.01",
        "Long term (current) use of anticoagulants",
        "status",
        says={
            S.MEDS: ("<warfarin {2|3|5} mg> nightly", "<apixaban 5 mg> BID", "<rivaroxaban 20 mg> with supper"),
            S.PMH: (
                "<On lifelong anticoagulation> for antiphospholipid antibodies",
                "<Chronic anticoagulation>, managed by outside clinic",
            ),
            S.COURSE: (
                "<Warfarin was {held|continued}> with an <INR of {2.0..3.4}>.",
                "<Long-term anticoagulation> was continued.",
            ),
            S.PLAN: ("<INR check> in the <anticoagulation clinic> in {3..7} days.",),
            S.HPI: ("{He} <takes apixaban> as prescribed by {his} hematologist.", "{He} is <chronically anticoagulated>."),
        },
        misleads=(
            ("allergy", S.ALLERGIES, "<warfarin> (skin necrosis)"),
            ("misleading", S.COURSE, "<Anticoagulation> was discussed and not started."),
            ("other_person", S.SOCIAL, "{His} sister <takes warfarin>."),
        ),
        ages=(30, 99),
    ),
    Condition(
        "Z95.1",
        "Presence of aortocoronary bypass graft",
        "status",
        says={
            S.PSH: ("<CABG x{2|3|4}> {2005..2018}", "<Coronary bypass surgery> {2005..2018}"),
            S.PMH: ("<Status post CABG> {2005..2018}", "<Coronary bypass> {2005..2018}"),
            S.OPENER: ("<prior CABG>",),
            S.IMAGING: ("Chest film: <sternal wires and bypass markers> in place.",),
            S.HPI: ("{He} <had bypass surgery> in {2005..2018}.",),
            S.EXAM: ("Well healed <sternotomy and vein harvest scars>.",),
        },
        misleads=(
            ("family", S.FAMILY, "{Father|Brother} <had a CABG> at {55..70}."),
            ("misleading", S.PSH, "Femoral-popliteal <bypass> {2004..2015}"),
        ),
        ages=(50, 99),
    ),
)
