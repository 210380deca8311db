"""Facts about the page, and `pellucid align` as a person runs it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from alignment_fakes import METHODS, SIZE, Reports, case, model, reports, said
from typer.testing import CliRunner, Result

from pellucid import datasets
from pellucid.alignment import AlignmentPlan, report, run
from pellucid.case import Phrase
from pellucid.cli.app import app
from pellucid.datasets.base import Prepared
from pellucid.errors import DataError
from pellucid.predictors.image_text import ImageText

PLAN = AlignmentPlan(methods=METHODS, draws=100, sensitivity_cases=1)


class Read(HTMLParser):
    """What a page says, and what it is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "out"
    odd = case("odd", "right", [Phrase("<b>Left</b> opacity & more.", said("left").boxes, "opacity")])
    data = reports()
    run(model(), Reports([*data.test, odd], data.train), PLAN, out)
    report(out, "pellucid align --model m --data d")
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Read:
    return Read((folder / "report.html").read_text())


def test_the_page_needs_nothing_else(page: Read) -> None:
    assert not page.open
    assert not page.all("script")
    assert not page.all("link")
    for image in page.all("img"):
        assert str(image["src"]).startswith("data:image/jpeg;base64,")


def test_pairs_come_first_and_each_picture_says_what_it_shows(page: Read) -> None:
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections[:3] == ["cases", "verdicts", "tests"]
    images = page.all("img")
    assert images
    assert len(images) % 2 == 0
    for one, other in zip(images[::2], images[1::2], strict=True):
        named = {side for side in ("left", "right") for i in (one, other) if f"names the {side} side" in str(i["alt"])}
        assert named == {"left", "right"}
    assert "There is a small left opacity." in page.text
    assert "There is a small right opacity." in page.text


def test_the_page_says_which_method_does_not_listen(page: Read) -> None:
    assert "Listens: 1 of 3 methods; does not listen: 1 of 3 methods; contradicts: 1 of 3 methods." in page.text
    assert "fake_deaf is text-insensitive" in page.text
    assert "fake_listening listens to the sentence" in page.text
    assert "treat it like a patient record" in page.text
    assert "pellucid align --model m --data d" in page.text


def test_reports_cannot_put_tags_into_the_page(folder: Path) -> None:
    assert "<b>Left</b>" not in (folder / "report.html").read_text()


def test_the_same_audit_gives_the_same_page(folder: Path) -> None:
    before = (folder / "report.html").read_bytes()
    report(folder, "pellucid align --model m --data d")
    assert (folder / "report.html").read_bytes() == before


def test_a_page_of_baselines_alone_shows_no_pairs(tmp_path: Path) -> None:
    plan = AlignmentPlan(methods=("uniform", "random"), draws=50, images=(), sensitivity_cases=0)
    run(model(), reports(4), plan, tmp_path / "out")
    read = Read(report(tmp_path / "out").read_text())
    assert not read.all("img")
    assert "No method that uses the model was asked." in read.text


def test_a_folder_without_an_audit_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        report(tmp_path)


def pellucid(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "140"})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn radiographs with reports, and a model that has learnt nothing."""
    root = tmp_path_factory.mktemp("align")
    phantoms = datasets.PhantomChest(n=30, size=SIZE, reports=True, prevalence=0.4)
    data = datasets.write(root / "data", phantoms.prepare())
    texts = [phrase.text for one in data.split("train") for phrase in one.sentences]
    made = ImageText.made("tiny", ["opacity"], size=(SIZE, SIZE), channels=1, texts=texts, width=16)
    made.save(root / "model")
    silent = [case(f"s{i}", sentences=()) for i in range(6)]
    datasets.write(root / "silent", Prepared("silent", silent))
    return root


def test_the_command_prints_verdicts_and_writes_a_page(saved: Path) -> None:
    out, given = saved / "out", ("--model", saved / "model", "--data", saved / "data")
    quick = ("--cases", "4", "--methods", "local_attention,uniform", "--set", "draws=50", "--set", "images=mirror")
    quick = (*quick, "--set", "sensitivity_cases=1")
    result = pellucid("align", *given, "--out", out, *quick)
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    for expected in ("local_attention", "side swap", "mirror", "Check mask_read_as_word: No sign", "Page:"):
        assert expected in said
    assert (out / "report.html").is_file()
    assert "There is" not in result.stdout + result.stderr  # no sentence of a report
    again = pellucid("align", *given, "--out", out, *quick)
    assert again.exit_code == 0, again.stderr


def test_mistakes_get_one_sentence(saved: Path, tmp_path: Path) -> None:
    model, data, out = ("--model", saved / "model"), ("--data", saved / "data"), ("--out", tmp_path / "out")
    mistakes = {
        (*model, *data, *out, "--methods", "local_atention"): "no explainer named 'local_atention'",
        (*model, *data, *out, "--set", "rewordings=flip"): "no 'flip'",
        (*model, *data, *out, "--set", "speed=1"): "no option 'speed'",
        (*model, "--data", saved / "silent", *out): "has a sentence",
        (*model, *data, "--out", saved): "holds other things",
    }
    for arguments, expected in mistakes.items():
        result = pellucid("align", *arguments)
        assert result.exit_code == 2, result.stderr
        assert expected in " ".join(result.stderr.split())
