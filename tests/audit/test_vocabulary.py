"""A report on images is the report on text in other words, and nothing that comes from the data is changed."""

from __future__ import annotations

import pytest

from pellucid.audit.vocabulary import VOCABULARIES
from pellucid.audit.wording import what_is

IMAGE, TEXT = VOCABULARIES["image"], VOCABULARIES["text"]


@pytest.fixture(scope="module", autouse=True)
def fakes() -> None:
    """The methods here are the real ones, unlike those of the other modules of this folder."""


def test_text_is_said_as_it_is_written() -> None:
    for sentence in ("Words of a note.", "<b>codes</b>"):
        assert TEXT.said(sentence) == TEXT.template(sentence) == TEXT.drawing(sentence) == sentence


def test_words_become_pixels_and_capitals_stay() -> None:
    assert IMAGE.said("Words of a note give codes.") == "Pixels of an image give findings."
    assert IMAGE.said("Removed words are masked") == "Removed pixels are masked"


def test_names_that_hold_a_word_stay() -> None:
    assert IMAGE.said("occlusion_word, keywords, decode") == "occlusion_word, keywords, decode"


def test_templates_change_in_their_text_and_not_in_their_expressions() -> None:
    source = '<p class="note">{{ note.words }} words of {{ plural(n, "note") }}{% if codes %} and codes{% endif %}</p>'
    expected = '<p class="note">{{ note.words }} pixels of {{ plural(n, "image") }}{% if codes %} and findings{% endif %}</p>'
    assert IMAGE.template(source) == expected


def test_what_stands_between_two_quoted_strings_is_no_text() -> None:
    assert IMAGE.template('{{ f("note" ~ (words | said) ~ "words") }}') == '{{ f("image" ~ (words | said) ~ "pixels") }}'


def test_drawings_change_in_their_labels_only() -> None:
    assert (
        IMAGE.drawing('<g id="words"><text>% of words removed</text></g>')
        == '<g id="words"><text>% of pixels removed</text></g>'
    )


def test_what_a_tag_says_to_a_reader_changes_and_its_other_attributes_stay() -> None:
    source = '<article class="code" aria-label="Code {{ s.code }} in a note" title="{{ note | said }}">'
    expected = '<article class="code" aria-label="Finding {{ s.code }} in an image" title="{{ note | said }}">'
    assert IMAGE.template(source) == expected


def test_random_regions_are_many_where_random_text_is_one() -> None:
    assert IMAGE.said("the fall without as much random text") == "the fall without random regions of the same size"
    said = IMAGE.template("<em>Random text</em> says how much any text would do.")
    assert said == "<em>Random regions</em> say how much any region would do."


def test_what_a_method_does_is_said_to_the_end() -> None:
    long = ("guided_backpropagation", "deep_lift", "score_cam", "eigen_cam", "vit_rollout", "vit_relevancy", "occlusion")
    assert [name for name in long if not what_is(name).endswith(".")] == []
    assert what_is("prior").endswith("the share of cases in which a pixel is marked.")
