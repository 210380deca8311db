"""Reader studies that cannot say how reliable they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pellucid.alignment.checks.base import Tally, check
from pellucid.readers import Rating


@check("unreliable_reading", "several readers, blinded to models, rated the same items, some of them twice")
def unreliable_reading(ratings: Iterable[Rating]) -> Tally:
    """Whether a study has one reader, shows which model made a map, or cannot say how far readers agree.

    Aliases blind where each rating has one, none holds the name of its model, and one alias does not stand for one model
    throughout.
    """
    rows = list(ratings)
    readers, models = {row.reader for row in rows}, {row.model for row in rows}
    tally = Tally({"ratings": len(rows), "readers": len(readers), "models": len(models)})
    if not rows:
        return tally
    tally.count("shared", _shared(rows))
    tally.count("repeats", sum(row.repeat > 0 for row in rows))
    tally.expect(len(readers) > 1, "there is one reader; ask a second one")
    tally.expect(len(readers) < 2 or tally.counts["shared"], "no two readers rated the same; give all of them the same items")
    tally.expect(tally.counts["repeats"], "nothing was rated twice by the same reader; repeat some items")
    tally.expect(len(models) < 2 or _blinded(rows), "aliases do not hide the models; give each item new aliases")
    return tally


def _shared(rows: Sequence[Rating]) -> int:
    """Maps and questions that at least two readers answered."""
    answered = {(row.item, row.model, row.question, row.reader) for row in rows}
    return sum(count > 1 for count in Counter(key[:3] for key in answered).values())


def _blinded(rows: Sequence[Rating]) -> bool:
    if any(not row.alias or row.model.casefold() in row.alias.casefold() for row in rows):
        return False
    pairs = {(row.alias, row.model) for row in rows}
    return len(pairs) > len({alias for alias, _ in pairs})
