"""CodiEsp, on small files of its published layout."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from pellucid.case import Case
from pellucid.datasets import CodiEsp, Prepared, open_dataset, write
from pellucid.errors import DataError
from pellucid.registry import datasets

TEXTS = {
    "S1-1": "Varón con hipertensión\r\ny diabetes.\r\nDolor en el  teste derecho.\r\n",
    "S1-2": "Mujer 🤒 con diabetes; Rx tórax.\n",
    "S2-1": "Sin hallazgos.\n",
}


def at(document: str, *phrases: str) -> str:
    starts = [TEXTS[document].index(phrase) for phrase in phrases]
    return ";".join(f"{start} {start + len(phrase)}" for start, phrase in zip(starts, phrases, strict=True))


FILES = {
    "trainD.tsv": ["S1-1\ti10", "S1-1\te11.9", "S1-1\te11.21", "S1-1\tn44.8", "S1-2\te11.9"],
    "trainP.tsv": ["S1-2\tbw03zzz"],
    "trainX.tsv": [
        f"S1-1\tDIAGNOSTICO\ti10\thipertensión\t{at('S1-1', 'hipertensión')}",
        f"S1-1\tDIAGNOSTICO\te11.9\tdiabetes\t{at('S1-1', 'diabetes')}",
        f"S1-1\tDIAGNOSTICO\te11.21\tdiabetes\t{at('S1-1', 'diabetes')}",
        f"S1-1\tDIAGNOSTICO\tn44.8\tteste derecho Dolor\t{at('S1-1', 'teste derecho', 'Dolor')}",
        f"S1-2\tDIAGNOSTICO\te11.9\tdiabetes\t{at('S1-2', 'diabetes')}",
        f"S1-2\tPROCEDIMIENTO\tbw03zzz\tRx tórax\t{at('S1-2', 'Rx tórax')}",
    ],
}


def lay_out(root: Path, part: str = "train", files: dict[str, list[str]] | None = None) -> Path:
    """Write one part as released: root/train/{text_files,text_files_en}/*.txt and the three TSV files."""
    for folder in ("text_files", "text_files_en"):
        (root / part / folder).mkdir(parents=True)
        for name, text in TEXTS.items():
            content = text if folder == "text_files" else "A translation.\n"
            (root / part / folder / f"{part if part != 'train' else ''}{name}.txt").write_bytes(content.encode())
    prefix = "" if part == "train" else part
    for name, rows in (files or FILES).items():
        (root / part / name.replace("train", part)).write_text("".join(f"{prefix}{row}\n" for row in rows), encoding="utf-8")
    return root


def changed(**rows: list[str]) -> dict[str, list[str]]:
    """The files, with rows added: changed(X=[...])."""
    return {name: [*lines, *rows.get(name[5], [])] for name, lines in FILES.items()}


def marked(case: Case) -> set[tuple[str, tuple[str, ...]]]:
    return {(e.label, tuple(case.text[a:b] for a, b in e.spans)) for e in case.evidence}  # type: ignore[misc,attr-defined]


def by_id(prepared: Prepared) -> dict[str, Case]:
    return {case.id: case for case in prepared.cases}


def test_codes_and_evidence_of_the_spanish_text(tmp_path: Path) -> None:
    prepared = CodiEsp(lay_out(tmp_path)).prepare()
    cases = by_id(prepared)
    assert list(cases) == ["S1-1", "S1-2", "S2-1"]
    assert cases["S1-1"].text == TEXTS["S1-1"], "line ends are kept, for the offsets count them"
    assert cases["S1-1"].labels == {"I10", "E11.9", "E11.21", "N44.8"}
    assert marked(cases["S1-1"]) == {
        ("I10", ("hipertensión",)),
        ("E11.9", ("diabetes",)),
        ("E11.21", ("diabetes",)),
        ("N44.8", ("teste derecho", "Dolor")),  # one discontinuous mention, in the order of the annotation
    }
    assert marked(cases["S1-2"]) == {("E11.9", ("diabetes",))}
    assert cases["S2-1"].labels == frozenset()
    assert prepared.exclusions == []
    assert prepared.about["evidence"] == 5
    patients = {case.id: case.patient for case in prepared.cases}
    assert patients == {"S1-1": "S1", "S1-2": "S1", "S2-1": "S2"}, "an article is one patient"


def test_procedures_are_read_when_asked_for(tmp_path: Path) -> None:
    prepared = CodiEsp(lay_out(tmp_path), kinds=("DIAGNOSTICO", "PROCEDIMIENTO")).prepare()
    assert marked(by_id(prepared)["S1-2"]) == {("E11.9", ("diabetes",)), ("BW03ZZZ", ("Rx tórax",))}


def test_categories_merge_codes_and_their_equal_marks(tmp_path: Path) -> None:
    cases = by_id(CodiEsp(lay_out(tmp_path), level="category", kinds=("DIAGNOSTICO", "PROCEDIMIENTO")).prepare())
    assert cases["S1-1"].labels == {"I10", "E11", "N44"}
    assert len(cases["S1-1"].evidence) == 3
    assert cases["S1-2"].labels == {"E11", "PCS-BW0"}, "a procedure never looks like a disease"


def test_english_cases_have_labels_and_no_guessed_evidence(tmp_path: Path) -> None:
    prepared = CodiEsp(lay_out(tmp_path), language="en").prepare()
    assert by_id(prepared)["S1-1"].text == "A translation.\n"
    assert by_id(prepared)["S1-1"].labels == {"I10", "E11.9", "E11.21", "N44.8"}
    assert all(case.evidence == () for case in prepared.cases)
    assert "without evidence offsets" in " ".join(prepared.about["notes"])


def test_texts_inside_an_archive_beside_the_tables(tmp_path: Path) -> None:
    lay_out(tmp_path / "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "train_text_files.zip", "w") as archive:
        for path in (tmp_path / "plain").rglob("*.txt"):
            archive.write(path, path.relative_to(tmp_path / "plain"))
    for path in (tmp_path / "plain").rglob("*.tsv"):
        shutil.copy(path, packed)
    first = write(tmp_path / "a", CodiEsp(tmp_path / "plain").prepare(), fractions=(1, 0, 0))
    assert first.fingerprint == write(tmp_path / "b", CodiEsp(packed).prepare(), fractions=(1, 0, 0)).fingerprint


def test_the_whole_release_as_one_archive(tmp_path: Path) -> None:
    lay_out(tmp_path / "plain" / "final_dataset_v4_to_publish")
    archive = shutil.make_archive(str(tmp_path / "codiesp"), "zip", tmp_path / "plain")
    assert len(CodiEsp(Path(archive)).prepare().cases) == 3


def test_parts_are_pooled_or_kept_as_published(tmp_path: Path) -> None:
    lay_out(tmp_path)
    lay_out(tmp_path, "dev")
    pooled = CodiEsp(tmp_path).prepare()
    assert len(pooled.cases) == 6
    assert pooled.assigned == {}
    data = write(tmp_path / "out", CodiEsp(tmp_path, published_splits=True).prepare())
    assert [case.id for case in data.split("validation")] == ["devS1-1", "devS1-2", "devS2-1"]
    assert len(data.split("train")) == 3


def test_it_is_registered_and_stores_and_opens(tmp_path: Path) -> None:
    prepared = datasets.create("codiesp", root=lay_out(tmp_path / "in"), level="category").prepare()
    data = write(tmp_path / "out", prepared, fractions=(0.5, 0, 0.5))
    assert [marked(case) for case in open_dataset(data.path)] == [marked(case) for case in prepared.cases]
    assert data.about["licence"] == "CC BY 4.0"


def test_a_reference_that_differs_from_its_text_is_counted_not_used(tmp_path: Path) -> None:
    rows = [f"S1-2\tDIAGNOSTICO\te11.9\tdiabetes.\t{at('S1-2', 'Mujer')}"]
    prepared = CodiEsp(lay_out(tmp_path, files=changed(X=rows))).prepare()
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("train/trainX.tsv row 7", "the reference differs from the text at its offsets")
    ]
    assert prepared.about["evidence"] == 5


def test_white_space_of_a_reference_does_not_count(tmp_path: Path) -> None:
    rows = [f"S1-1\tDIAGNOSTICO\tn44.8\ten el teste\t{at('S1-1', 'en el  teste')}"]
    assert CodiEsp(lay_out(tmp_path, files=changed(X=rows))).prepare().about["evidence"] == 6


def test_repeated_rows_and_evidence_for_unlisted_codes_are_counted(tmp_path: Path) -> None:
    rows = [FILES["trainX.tsv"][0], f"S1-2\tDIAGNOSTICO\tz99\tdiabetes\t{at('S1-2', 'diabetes')}"]
    prepared = CodiEsp(lay_out(tmp_path, files=changed(X=rows, D=["S1-1\tI10"]))).prepare()
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("train/trainD.tsv row 6", "the row repeats an earlier one"),
        ("train/trainX.tsv row 7", "the row repeats an earlier one"),
        ("train/trainX.tsv row 8", "evidence for a code that is not in the document's list of codes"),
    ]
    assert "Z99" not in by_id(prepared)["S1-2"].labels


def test_an_empty_range_among_others_is_dropped_and_counted(tmp_path: Path) -> None:
    rows = [f"S1-2\tDIAGNOSTICO\te11.9\tMujer\t{at('S1-2', 'Mujer')};9 9"]
    prepared = CodiEsp(lay_out(tmp_path, files=changed(X=rows))).prepare()
    assert ("E11.9", ("Mujer",)) in marked(by_id(prepared)["S1-2"])
    assert [e.reason for e in prepared.exclusions] == ["an empty range among the offsets (the rest of the row is used)"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"X": ["S1-1\tDIAGNOSTICO\ti10\tx"]}, r"train/trainX.tsv row 7 has 4 columns instead of 5"),
        ({"D": ["S1-1"]}, r"train/trainD.tsv row 6 has 1 columns instead of 2"),
        (
            {"X": ["S1-1\tDIAGNOSTICO\ti10\tx\t0 5000"]},
            r"trainX.tsv row 7 has the offsets 0 5000, out of order or outside the text of 66 characters",
        ),
        ({"X": ["S1-1\tDIAGNOSTICO\ti10\tx\t5 3"]}, r"trainX.tsv row 7 has the offsets 5 3"),
        ({"X": ["S1-1\tDIAGNOSTICO\ti10\tx\t1 " + "9" * 5000]}, r"trainX.tsv row 7 has the offsets '1 999"),
        ({"X": ["S1-1\tDIAGNOSTICO\ti10\tx\t١ ٣"]}, r"trainX.tsv row 7 has the offsets '١ ٣'"),
        ({"X": ["S1-1\tDIAGNOSTICO\ti10\tx\t3-5"]}, r"trainX.tsv row 7 has the offsets '3-5'; write them as"),
        ({"X": ["S9\tDIAGNOSTICO\ti10\tx\t3 5"]}, r"trainX.tsv row 7 names the document S9, which has no text"),
        ({"D": ["S9\ti10"]}, r"trainD.tsv row 6 names the document S9"),
        ({"D": ["S1-1\t "]}, r"trainD.tsv row 6 has no code"),
        ({"X": ["S1-1\tSINTOMA\ti10\tx\t3 5"]}, r"trainX.tsv row 7 has the kind 'SINTOMA'"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_by_file_and_number(
    tmp_path: Path, rows: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        CodiEsp(lay_out(tmp_path, files=changed(**rows))).prepare()


def test_the_byte_order_mark_of_an_editor_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    plain, marked_file = lay_out(tmp_path / "plain"), lay_out(tmp_path / "marked")
    for name in FILES:
        file = marked_file / "train" / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert [(c.labels, marked(c)) for c in CodiEsp(marked_file).prepare().cases] == [
        (c.labels, marked(c)) for c in CodiEsp(plain).prepare().cases
    ]


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        CodiEsp(tmp_path / "nowhere").prepare()
    with pytest.raises(DataError, match="has no annotations of CodiEsp"):
        CodiEsp(tmp_path).prepare()
    lay_out(tmp_path)
    (tmp_path / "train" / "trainX.tsv").unlink()
    with pytest.raises(DataError, match=r"exactly one file trainX.tsv, found none"):
        CodiEsp(tmp_path).prepare()
    shutil.rmtree(tmp_path / "train" / "text_files")
    with pytest.raises(DataError, match=r"no train/text_files/\*.txt"):
        CodiEsp(tmp_path).prepare()


def test_two_copies_of_a_text_are_refused(tmp_path: Path) -> None:
    lay_out(tmp_path)
    shutil.copytree(tmp_path / "train" / "text_files", tmp_path / "copy" / "train" / "text_files")
    with pytest.raises(
        DataError, match=r"one text of document S1-1, found copy/train/text_files/S1-1.txt, train/text_files/S1-1.txt"
    ):
        CodiEsp(tmp_path).prepare()


def test_a_text_that_is_not_utf8_is_named_with_its_byte(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "train" / "text_files" / "S2-1.txt").write_bytes(b"Ni\xf1o")
    with pytest.raises(DataError, match=r"train/text_files/S2-1.txt is not UTF-8: byte 2 is 0xf1"):
        CodiEsp(tmp_path).prepare()


@pytest.mark.parametrize(
    "options", [{"level": "chapter"}, {"language": "fr"}, {"kinds": ()}, {"kinds": "DIAGNOSTICO"}, {"kinds": ("X",)}]
)
def test_unknown_options_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(DataError, match=f"The option {next(iter(options))} of codiesp"):
        CodiEsp(tmp_path, **options)  # type: ignore[arg-type]
