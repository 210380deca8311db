"""ICD-10-CM chapters I, V, VI, XII, XVIII, XIX: infection, mind, nerves, skin, symptoms, injury; and resuscitation status."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.sections import Section as S

GENERAL = (
    Condition(
        "A41.9",
        "Sepsis, unspecified organism",
        "acute",
        names=("sepsis", "septicemia", "sepsis of unclear source"),
        short=("septic picture",),
        says={
            S.LABS: ("<lactate {4.1..7.8}>",),
            S.HPI: ("{He} was <febrile to {39.1..40.2}, tachycardic and hypotensive> with <lactate {3.9..6.8}>.",),
            S.COURSE: ("<Blood pressure fell with fever> and {he} received <30 mL/kg of fluids, vancomycin and cefepime>.",),
        },
        misleads=(
            ("screening", S.ADMISSION, "<Sepsis> screen in triage: negative"),
            ("negation", S.LABS, "<lactate {0.8..1.4}>"),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "F32.A",
        "Depression, unspecified",
        "chronic",
        names=("depression", "depressive disorder", "depressed mood disorder"),
        short=("depression NOS",),
        says={
            S.MEDS: ("<sertraline {50|100} mg> daily", "<escitalopram 10 mg> daily", "<citalopram 20 mg> daily"),
            S.SOCIAL: ("Sees a psychiatrist <for low mood>, on <an SSRI>.",),
        },
        spread=(((S.SOCIAL, "{He} has felt <hopeless and without joy> for a year."), (S.MEDS, "<mirtazapine 15 mg> nightly")),),
        misleads=(
            ("ambiguous", S.IMAGING, "ECG without ST <depression>."),
            ("screening", S.SOCIAL, "PHQ-2 for <depression> negative."),
            ("other_use", S.MEDS, "<trazodone 50 mg> as needed for sleep"),
        ),
    ),
    Condition(
        "F41.9",
        "Anxiety disorder, unspecified",
        "chronic",
        names=("anxiety disorder", "anxiety", "chronic anxiety"),
        short=("anxiety d/o",),
        says={
            S.MEDS: ("<buspirone {10|15} mg> BID", "<hydroxyzine 25 mg for nerves>"),
            S.SOCIAL: ("{He} <worries excessively about most things> and sees a <therapist>.",),
        },
        misleads=(
            ("misleading", S.COURSE, "Understandably <anxious> before the scan, reassured."),
            ("other_use", S.COURSE, "<Lorazepam> was given once for the MRI."),
        ),
        ages=(18, 90),
    ),
    Condition(
        "F10.20",
        "Alcohol dependence, uncomplicated",
        "chronic",
        names=("alcohol dependence", "alcohol use disorder, severe", "alcoholism"),
        short=("ETOH dependence", "EtOH use disorder"),
        says={
            S.SOCIAL: ("<Drinks {a pint of vodka|a fifth of whiskey|twelve beers} daily>.",),
            S.MEDS: ("<naltrexone 50 mg> daily", "<acamprosate 666 mg> TID"),
            S.PLAN: ("Referred to <detoxification and relapse prevention>.",),
        },
        misleads=(
            ("negation", S.SOCIAL, "<Alcohol>: one glass of wine at weddings."),
            ("family", S.FAMILY, "Father was an <alcoholic>."),
            ("screening", S.SOCIAL, "AUDIT-C for <alcohol> misuse negative."),
        ),
        ages=(25, 80),
    ),
    Condition(
        "F05",
        "Delirium due to known physiological condition",
        "acute",
        names=("delirium", "acute confusional state", "acute delirium"),
        short=("sundowning delirium",),
        says={
            S.HPI: ("Since last night {he} was <confused, inattentive and pulled at lines>.",),
            S.COURSE: (
                "<Waxing and waning confusion> improved with <reorientation and low-dose quetiapine>.",
                "<CAM positive> on day {2|3}, clear by discharge.",
            ),
        },
        misleads=(
            ("screening", S.COURSE, "<CAM> negative on every shift."),
            ("education", S.PLAN, "Family told how hospital <delirium> is prevented."),
        ),
        ages=(65, 99),
        unfit=frozenset({"education", "other_person"}),
    ),
    Condition(
        "G40.909",
        "Epilepsy, unspecified, not intractable, without status epilepticus",
        "chronic",
        names=("epilepsy", "epileptic disorder", "seizure disorder"),
        short=("sz disorder",),
        says={
            S.MEDS: ("<levetiracetam {500|750|1000} mg> BID", "<lamotrigine {100|150} mg> BID"),
            S.IMAGING: ("EEG on file: <left temporal spikes>.",),
        },
        spread=(((S.HPI, "{He} has had <spells with loss of awareness> since youth."), (S.MEDS, "<valproate 500 mg> BID")),),
        misleads=(
            ("other_use", S.MEDS, "<topiramate 25 mg> nightly for migraine"),
            ("resolved", S.PMH, "Febrile <seizure> at age two, none since"),
            ("negation", S.COURSE, "Seizure precautions were not needed; no <seizures>."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "L03.115",
        "Cellulitis of right lower limb",
        "acute",
        names=("cellulitis of the right leg", "right lower extremity cellulitis", "right leg cellulitis"),
        short=("RLE cellulitis",),
        says={
            S.HPI: ("The <right shin became red, hot and swollen>.",),
            S.COURSE: ("<Erythema of the right calf> receded within its <marked borders> on <cefazolin>.",),
        },
        misleads=(
            ("misleading", S.EXAM, "Skin of the <right leg> intact."),
            ("misleading", S.EXAM, "Chronic <stasis dermatitis>, not infected."),
        ),
        unfit=frozenset({"other_person"}),
    ),
    Condition(
        "R55",
        "Syncope and collapse",
        "acute",
        names=("syncope", "syncopal episode", "fainting", "syncope and collapse"),
        short=("LOC episode",),
        says={
            S.HPI: (
                "{He} <passed out while standing> and <came round within a minute>.",
                "<Lost consciousness> at the breakfast table, witnessed.",
            ),
            S.COURSE: ("No cause of the <blackout> was found on telemetry.",),
        },
        misleads=(
            ("negation", S.HPI, "{He} did not <lose consciousness>."),
            ("education", S.PLAN, "Rise slowly, so as not to <faint>."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "R07.9",
        "Chest pain, unspecified",
        "acute",
        names=("chest pain", "chest pain of unclear cause", "nonspecific chest pain", "thoracic pain"),
        short=("CP",),
        says={
            S.HPI: (
                "{He} felt <pressure across the chest> for {20..50} minutes.",
                "<Discomfort behind the sternum> brought {him} in.",
            ),
            S.COURSE: ("The <chest discomfort> did not return and no cause was found.",),
        },
        misleads=(
            ("negation", S.HPI, "{He} denies <chest pain> and palpitations."),
            ("education", S.PLAN, "Come back for <chest pain> or trouble breathing."),
        ),
        unfit=frozenset({"other_person", "resolved", "ruled_out"}),
    ),
    Condition(
        "S72.001A",
        "Fracture of unspecified part of neck of right femur, initial encounter for closed fracture",
        "acute",
        names=("right femoral neck fracture", "fracture of the right femoral neck", "broken right hip"),
        short=("R FNF", "right hip fx"),
        says={
            S.IMAGING: ("Pelvis film: <displaced break of the right femoral neck>.",),
            S.HPI: ("{He} fell, with <right groin pain and a shortened, turned-out leg>.",),
            S.COURSE: ("Orthopedics performed <a right hemiarthroplasty>.",),
        },
        misleads=(
            ("negation", S.IMAGING, "Pelvis film without <fracture>."),
            ("misleading", S.PLAN, "Fall prevention to spare {him} a <hip fracture>."),
        ),
        ages=(60, 99),
        unfit=frozenset({"education", "resolved"}),
    ),
    Condition(
        "Z66",
        "Do not resuscitate",
        "status",
        says={
            S.ADMISSION: ("Code status: <DNR/DNI>", "Code status: <do not resuscitate>"),
            S.COURSE: ("After a family meeting {he} was made <DNR>.", "{He} confirmed that {he} wants <no resuscitation>."),
            S.PLAN: ("<MOLST form: no CPR> sent along.",),
            S.SOCIAL: ("Health care proxy confirms <DNR status>.",),
        },
        misleads=(
            ("negation", S.ADMISSION, "Code status: <full code>"),
            ("negation", S.COURSE, "<DNR> was offered and {he} declined it."),
            ("family", S.FAMILY, "{His} mother was <DNR> in her last months."),
            ("negation", S.SOCIAL, "<Code status> discussed, wants everything done."),
        ),
        ages=(65, 99),
    ),
)
