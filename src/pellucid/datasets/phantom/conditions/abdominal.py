"""ICD-10-CM chapters XI and XIV: digestion, kidneys, urine."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.sections import Section as S

ABDOMINAL = (
    Condition(
        "K21.9",
        "Gastro-esophageal reflux disease without esophagitis",
        "chronic",
        names=("gastroesophageal reflux disease", "acid reflux", "gastro-esophageal reflux", "reflux disease"),
        short=("GERD",),
        says={
            S.MEDS: ("<omeprazole {20|40} mg> before breakfast", "<pantoprazole 40 mg> daily", "<famotidine 20 mg> BID"),
            S.PLAN: ("Continue <pantoprazole>, sleep with <head of bed raised>.",),
        },
        spread=(((S.HPI, "{He} has <heartburn after large meals>."), (S.MEDS, "<esomeprazole 40 mg> daily")),),
        misleads=(
            ("misleading", S.COURSE, "<Pantoprazole> as stress ulcer prophylaxis, stopped before discharge."),
            ("ambiguous", S.IMAGING, "Renal ultrasound without vesicoureteral <reflux>."),
            ("allergy", S.ALLERGIES, "<omeprazole> (rash)"),
        ),
    ),
    Condition(
        "K92.2",
        "Gastrointestinal hemorrhage, unspecified",
        "acute",
        names=("gastrointestinal bleeding", "GI bleeding", "gastrointestinal hemorrhage", "bleeding from the gut"),
        short=("GIB", "GI bleed"),
        says={
            S.HPI: ("{He} passed <{three|four|several} black tarry stools>.", "{He} <vomited coffee-ground material> twice."),
            S.COURSE: ("<Melena> stopped and <endoscopy found no source>.",),
        },
        misleads=(
            ("negation", S.EXAM, "Rectal exam with brown stool, <guaiac> negative."),
            ("misleading", S.HPI, "Stool is <black> from bismuth tablets."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "K85.90",
        "Acute pancreatitis without necrosis or infection, unspecified",
        "acute",
        names=("acute pancreatitis", "inflammation of the pancreas", "interstitial pancreatitis"),
        short=("AP", "pancreatitis"),
        says={
            S.LABS: ("<lipase {860..3900}>",),
            S.IMAGING: ("CT abdomen: <peripancreatic stranding>, no collection.",),
        },
        spread=(((S.HPI, "<Epigastric pain boring to the back>."), (S.LABS, "<lipase {900..4200}>")),),
        misleads=(
            ("negation", S.LABS, "<lipase {22..48}>"),
            ("misleading", S.IMAGING, "CT abdomen: <pancreas> with fatty change of age."),
        ),
        ages=(20, 95),
    ),
    Condition(
        "K57.30",
        "Diverticulosis of large intestine without perforation or abscess without bleeding",
        "chronic",
        names=("colonic diverticulosis", "diverticulosis", "diverticulosis of the colon"),
        short=("tics of the colon",),
        says={
            S.IMAGING: (
                "CT abdomen: <scattered sigmoid outpouchings> without stranding.",
                "Colonoscopy on file: <many diverticula>.",
            )
        },
        misleads=(("negation", S.IMAGING, "Colonoscopy on file without <diverticula>."),),
        ages=(45, 99),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "N17.9",
        "Acute kidney failure, unspecified",
        "acute",
        names=("acute kidney injury", "acute renal failure", "acute kidney failure", "acute renal insufficiency"),
        short=("AKI", "ARF"),
        says={
            S.LABS: ("<creatinine {2.3..4.6}, baseline {0.8..1.1}>",),
            S.COURSE: (
                "<Creatinine rose from {0.8..1.1} to {2.2..4.1}> and came down with <IV fluids>.",
                "{His} <urine output fell> and <creatinine doubled>; ibuprofen was stopped.",
            ),
        },
        spread=(
            ((S.LABS, "<creatinine {2.4..4.4} on arrival>"), (S.COURSE, "<Creatinine was back to {0.9..1.1}> after <fluids>.")),
        ),
        misleads=(
            ("negation", S.LABS, "<creatinine {0.7..1.0}>"),
            ("misleading", S.COURSE, "<Creatinine> was followed after contrast and stayed normal."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "N18.30",
        "Chronic kidney disease, stage 3 unspecified",
        "chronic",
        names=("stage 3 chronic kidney disease", "chronic kidney disease stage 3", "chronic kidney disease, stage III"),
        short=("CKD 3", "CKD III", "CKD stage 3"),
        says={
            S.LABS: ("<eGFR {32..56}, unchanged for two years>",),
            S.PLAN: ("Nephrology visit for <eGFR in the 40s, long-standing>.",),
        },
        spread=(((S.HPI, "{He} sees <a nephrologist every six months>."), (S.LABS, "<eGFR {33..55}>")),),
        misleads=(
            ("negation", S.LABS, "<eGFR> above 90"),
            ("misleading", S.IMAGING, "Simple <renal> cyst, no follow-up needed."),
        ),
        ages=(45, 99),
    ),
    Condition(
        "N39.0",
        "Urinary tract infection, site not specified",
        "acute",
        names=("urinary tract infection", "urinary infection", "infection of the urinary tract"),
        short=("UTI",),
        says={
            S.LABS: ("<urine culture with more than 100,000 E. coli>", "<UA with large leukocyte esterase and nitrites>"),
            S.HPI: ("{He} had <burning on urination> and <cloudy urine>.",),
        },
        spread=(((S.HPI, "{He} complained of <dysuria>."), (S.COURSE, "<Nitrofurantoin> was given for {five|seven} days.")),),
        misleads=(
            ("negation", S.LABS, "<urine culture> without growth"),
            ("misleading", S.COURSE, "<Bacteriuria> without symptoms was not treated."),
        ),
        unfit=frozenset({"screening"}),
    ),
    Condition(
        "N40.0",
        "Benign prostatic hyperplasia without lower urinary tract symptoms",
        "chronic",
        names=("benign prostatic hyperplasia", "enlarged prostate", "prostatic hypertrophy"),
        short=("BPH",),
        says={
            S.MEDS: ("<tamsulosin 0.4 mg> nightly", "<finasteride 5 mg> daily"),
            S.IMAGING: ("Pelvic ultrasound: <prostate of {48..86} mL>.",),
        },
        misleads=(
            ("screening", S.PLAN, "<Prostate> screening to be discussed with the PCP."),
            ("negation", S.EXAM, "<Prostate> not enlarged."),
        ),
        ages=(50, 99),
        sex="M",
        unfit=frozenset({"other_person", "family"}),
    ),
)
