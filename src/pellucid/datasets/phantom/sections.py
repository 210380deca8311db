"""The sections of a note, in the order in which they are printed, and how each may be laid out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Style = Literal["prose", "lines", "bullets", "numbers", "commas", "sentence"]


class Section(Enum):
    """Where something is said. OPENER is the first sentence of the history, which lists what is known of the patient."""

    ADMISSION = "admission"
    COMPLAINT = "complaint"
    OPENER = "opener"
    HPI = "hpi"
    PMH = "pmh"
    PSH = "psh"
    FAMILY = "family"
    SOCIAL = "social"
    ALLERGIES = "allergies"
    MEDS = "meds"
    EXAM = "exam"
    LABS = "labs"
    IMAGING = "imaging"
    COURSE = "course"
    PROGRESS = "progress"
    DIAGNOSES = "diagnoses"
    PLAN = "plan"


@dataclass(frozen=True)
class Form:
    """How a section is printed.

    Attributes:
        headings: one is drawn a note; none for a section that continues the one before.
        styles: one is drawn a note.
        filler: how many filler sentences it takes at most, beside the one that it gets where nothing else is said in it.
    """

    headings: tuple[str, ...]
    styles: tuple[Style, ...]
    filler: int


FORMS: dict[Section, Form] = {
    Section.ADMISSION: Form(("Admission", "Admission information", "Encounter"), ("lines",), 5),
    Section.COMPLAINT: Form(("Chief complaint", "Reason for admission", "CC"), ("commas",), 0),
    Section.OPENER: Form(("History of present illness", "HPI", "Present illness"), ("sentence",), 0),
    Section.HPI: Form((), ("prose",), 12),
    Section.PMH: Form(("Past medical history", "PMH", "Medical history"), ("bullets", "numbers", "commas"), 5),
    Section.PSH: Form(("Past surgical history", "PSH", "Prior operations"), ("bullets", "commas"), 3),
    Section.FAMILY: Form(("Family history", "FH", "FHx"), ("prose",), 3),
    Section.SOCIAL: Form(("Social history", "SH", "Social"), ("prose",), 6),
    Section.ALLERGIES: Form(("Allergies", "Allergies and adverse reactions"), ("commas",), 0),
    Section.MEDS: Form(("Medications on admission", "Home medications", "Medications"), ("bullets", "numbers", "commas"), 6),
    Section.EXAM: Form(("Physical exam at discharge", "Discharge exam", "Examination"), ("prose", "lines"), 12),
    Section.LABS: Form(("Pertinent results", "Labs", "Laboratory data"), ("commas", "lines"), 12),
    Section.IMAGING: Form(("Imaging", "Studies", "Imaging and other studies"), ("prose", "lines"), 5),
    Section.COURSE: Form(("Hospital course", "Brief hospital course", "Course in hospital"), ("prose",), 18),
    Section.PROGRESS: Form(("Progress notes", "Daily notes", "Interval notes"), ("lines",), 0),
    Section.DIAGNOSES: Form(("Discharge diagnoses", "Diagnoses at discharge", "Final diagnoses"), ("numbers", "bullets"), 3),
    Section.PLAN: Form(("Plan", "Discharge plan", "Discharge instructions and follow-up"), ("prose", "bullets"), 12),
}
