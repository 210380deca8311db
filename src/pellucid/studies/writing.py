"""What a study found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.audit.models import Models
from pellucid.crossed import MIN_RUNS
from pellucid.datasets.base import Dataset
from pellucid.files import finite
from pellucid.studies import predictions
from pellucid.studies.choosing import Candidate, candidates, choose_on_validation, question_of
from pellucid.studies.comparing import OURS, Answer, Question, answered, questions, shown_p, statement, summary
from pellucid.studies.shown import markdown, plain
from pellucid.studies.study import CHOOSING, Folders, Part, Study
from pellucid.studies.tables import Table, each_figure, facts_of, keep, tables

FORMAT = "pellucid.study/1"
SHOWN = 12
"""How many candidates the page shows; the JSON file has all."""


@dataclass(frozen=True)
class Results:
    """Everything that a study found.

    Attributes:
        answers: each question with its tests; questions that the study cannot ask are left out.
        ranking: the candidates on validation, the best first.
        final: what was asked of the best on test cases.
    """

    tables: Sequence[Table]
    answers: Sequence[tuple[Question, list[Answer]]]
    ranking: Sequence[Candidate]
    final: Sequence[tuple[Question, list[Answer]]]


def write(study: Study, dataset: Dataset, out: Path) -> Results:
    """Write the tables of a study whose parts are all finished.

    Raises:
        DataError: a part is not finished, or its audits differ in plan or data.
    """
    results = gather(study, Folders(Path(out)))
    about = {
        "data": facts_of(dataset),
        "strategies": list(study.strategies),
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
        "preset": study.preset,
        "plan": study.plan.to_json(),
        "choice_cases": study.choice_cases,
    }
    keep(out, FORMAT, about, _json(results), page(study, dataset, results))
    return results


def gather(study: Study, folders: Folders) -> Results:
    """The results. The choice is made before any test case is looked at, from validation alone."""
    grid = {name: [Part(name, seed) for seed in study.seeds] for name in study.strategies}
    validation = Models({name: [folders.choice(part) for part in parts] for name, parts in grid.items()})
    ranking = choose_on_validation(validation, candidates(validation))
    test = Models({name: [folders.audit(part) for part in parts] for name, parts in grid.items()})
    performance = {
        name: predictions.performance({part.seed: predictions.read(folders.predictions(part)) for part in parts})
        for name, parts in grid.items()
    }
    final = question_of(ranking[0].side, test.names) if ranking else None
    decisive = [] if final is None else [final]
    return Results(tables(test, performance), _answers(test, questions(test)), ranking, _answers(test, decisive))


def _answers(models: Models, asked: Iterator[Question] | Sequence[Question]) -> list[tuple[Question, list[Answer]]]:
    found = [(question, answered(models, question)) for question in asked]
    return [(question, tests) for question, tests in found if tests]


def page(study: Study, dataset: Dataset, results: Results) -> Iterator[str]:
    """The lines of `tables.md`."""
    seeds = ", ".join(map(str, study.seeds))
    yield f"# Strategies of training and methods of explanation on {dataset.name}\n"
    what = each_figure("codes, patients and seeds")
    yield f"Strategies {', '.join(study.strategies)}; training seeds {seeds}. {what}\n"
    for table in results.tables:
        yield from table.page()
    yield (
        "## Tests\n\nPaired by patient, code and seed. p: two-sided, for new patients and new training runs. Holm: corrected "
        "over all tests of the question; this one decides. Beside it, uncorrected, what tests say that ask for less: *these "
        "models*, new patients but no new training runs; *seeds alone*, new runs on the same patients, where there are "
        f"{MIN_RUNS} seeds or more.\n"
    )
    for question, tests in results.answers:
        yield from _answer(question, tests)
    yield "## Chosen on validation\n"
    yield from _chosen(results)


def _answer(question: Question, tests: Sequence[Answer]) -> Iterator[str]:
    yield f"### {question.claim}\n"
    yield from (f"* {line}" for line in summary(question, tests))
    yield ""
    head = (
        "better?",
        "against",
        "metric",
        "difference",
        "p",
        f"p, Holm over {len(tests)}",
        "p, these models",
        "p, seeds alone",
        "claim",
    )
    yield from markdown(head, map(_line, tests))
    yield ""


def _line(test: Answer) -> list[str]:
    e = test.found
    alone = "–" if np.isnan(e.p_runs) else shown_p(e.p_runs)
    difference = f"{e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]"
    p_values = [shown_p(p) for p in (e.p, test.adjusted, e.p_patients)]
    return [str(test.a), str(test.b), test.metric, difference, *p_values, alone, test.verdict]


def _chosen(results: Results) -> Iterator[str]:
    if not results.ranking:
        yield "No combination has both figures on validation cases."
        return
    yield (
        f"All {len(results.ranking)} combinations of a method with a strategy that saw no evidence, ranked on validation cases "
        f"by the mean of their ranks in {' and '.join(CHOOSING)}. Only the first was tested on test cases.\n"
    )
    rows = ([str(c.side), *(f"{v:.3f}" for v in c.figures), f"{c.rank:.1f}"] for c in results.ranking[:SHOWN])
    yield from markdown(("combination", *CHOOSING, "mean rank"), rows)
    yield ""
    for question, tests in results.final:
        yield from _answer(question, tests)
    if not results.final:
        first = results.ranking[0].side
        yield f"Nothing was tested: the first is {first}, and there is no other {OURS} in the study for it to beat."


def statements(results: Results) -> list[str]:
    """Every test as a sentence, question by question."""
    return [statement(test) for _, tests in (*results.answers, *results.final) for test in tests]


def _json(results: Results) -> dict[str, Any]:
    return {
        "tables": [table.to_json() for table in results.tables],
        "tests": [_test(question, test) for question, tests in (*results.answers, *results.final) for test in tests],
        "chosen_on_validation": [
            {"strategy": c.side.model, "method": c.side.method, "mean_rank": c.rank}
            | dict(zip(CHOOSING, c.figures, strict=True))
            for c in results.ranking
        ],
        "statements": statements(results),
    }  # fmt: skip


def _test(question: Question, test: Answer) -> dict[str, Any]:
    sides = {name: {"strategy": side.model, "method": side.method} for name, side in (("a", test.a), ("b", test.b))}
    return {
        "question": question.name, "claim": question.claim, "metric": test.metric, **sides,
        "difference": plain(test.found), "p_holm": finite(test.adjusted), "family": test.family, "verdict": test.verdict,
    }  # fmt: skip
