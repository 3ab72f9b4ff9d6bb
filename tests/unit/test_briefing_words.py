"""Numbers as people say them, plain words, and two languages with the same strings."""

from __future__ import annotations

import re
import string
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorview.errors import UnknownNameError
from doorview.show.briefing.words import FRACTIONS, load_words
from helpers.lix import lix

EN, ES = load_words("en"), load_words("es")

# What a council member need not know. Whole words, in any case.
JARGON = {
    "en": (
        "viewshed", "isovist", "sobol", "quantile", "percentile", "p05", "p95", "stochastic", "variance", "parameter",
        "monte carlo", "replicate", "raster", "kernel", "kde", "pai", "gi*", "confidence interval", "heuristic", "crs",
        "standard deviation", "scenario", "baseline", "methodology", "granular", "leverage", "watched", "protected",
        "surveilled", "independent", "correlation", "expected value", "dwelling", "incident",
    ),
    "es": (
        "isovista", "sobol", "cuantil", "percentil", "p05", "p95", "estocástico", "varianza", "parámetro", "raster",
        "monte carlo", "núcleo", "kde", "pai", "intervalo de confianza", "heurístico", "desviación", "vigilado",
        "escenario", "metodología", "correlación", "protegido",
    ),
}  # fmt: skip


def strings(language: str) -> dict[str, object]:
    """Return the strings of a language by dotted key; an item of a list by its place."""
    text = resources.files("doorview.show.briefing").joinpath(f"strings_{language}.toml").read_text(encoding="utf-8")
    found: dict[str, object] = {}

    def walk(table: dict[str, object], at: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                walk(value, f"{at}{key}.")
            elif isinstance(value, list):
                found.update({f"{at}{key}.{n}": item for n, item in enumerate(value)})
            else:
                found[f"{at}{key}"] = value

    walk(tomllib.loads(text), "")
    return found


def test_lix_by_hand():
    # 8 words in 2 sentences; watches and another have seven letters: 8 / 2 + 100 * 2 / 8.
    assert lix("The camera sees a street. Nobody watches another.") == pytest.approx(4 + 25)
    assert lix("We go. We see it.") == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "none"), (1.0, "all"), (0.33, "about a third"), (1 / 3, "about a third"),
        (0.355, "a little over a third"),
        (0.345, "about a third"), (0.365, "a little under four in ten"), (0.13, "about an eighth"),
        (0.22, "a little over a fifth"), (0.079, "about 8 in 100"), (0.0156, "about 2 in 100"),
        (0.0041, "about 4 in 1,000"), (0.0002, "less than 1 in 1,000"), (0.51, "about half"),
        (0.98, "nearly all"), (0.66, "about two thirds"), (0.75, "about three quarters"),
    ],
)  # fmt: skip
def test_a_share_is_said_as_people_say_it(share, said):
    assert EN.share(share) == said


def test_the_same_in_spanish():
    assert ES.share(0.33) == "cerca de un tercio"
    assert ES.share(0.079) == "unas 8 partes de cada 100"
    assert (ES.percent(0.0789), ES.number(12345.6, 1)) == ("7,9\u00a0%", "12.345,6")
    assert ES.rate(0.2) == "1 de cada 5"


@given(st.floats(0.0005, 0.96))
def test_what_is_said_of_a_share_is_not_far_from_it(share):
    said = EN.share(share)
    fractions = {EN(f"fractions.{name}"): value for name, value in FRACTIONS.items()}
    found = re.fullmatch(r"about ([\d,]+) in ([\d,]+)", said)
    if found:
        top, bottom = (int(text.replace(",", "")) for text in found.groups())
        assert abs(top / bottom - share) <= 0.5001 / bottom
    else:
        head, value = next((said.removesuffix(name), value) for name, value in fractions.items() if said.endswith(name))
        assert abs(share / value - 1) <= (0.05 if head == "about " else 0.12) + 1e-12
        if head != "about ":
            assert (head == "a little over ") == (share > value)


@given(st.floats(0.0, 1.0))
def test_a_percentage_never_says_none_or_all_falsely(share):
    said = EN.percent(share)
    assert (said == "0%") == (share == 0.0)
    assert (said == "100%") == (share == 1.0)
    number = float(re.search(r"[\d.]+", said)[0])
    if said.startswith("under"):
        assert 100 * share < number
    elif said.startswith("over"):
        assert 100 * share > number
    else:
        assert abs(number - 100 * share) <= (0.5 if "." not in said else 0.05) + 1e-9


def test_small_counts_changes_and_lengths():
    assert (EN.count(3), EN.count(5), EN.count(1500)) == ("fewer than 5", "5", "1,500")
    assert (EN.points(0.0428), EN.points(-0.33), EN.points(0.0), EN.points(0.0003)) == (
        "+4.3", "\u221233", "no change", "under 0.1",
    )  # fmt: skip
    assert EN.length(50.0, "us") == "164\u00a0ft"
    assert EN.length(5.68, "metric") == "5.7\u00a0m"
    assert EN.area(4046.8564224, "us") == "1.0 acres"
    assert EN.number(-0.0001, 1) == "0.0"


def test_an_unknown_language_is_told():
    with pytest.raises(UnknownNameError, match="unknown language 'eo'"):
        load_words("eo")


def test_both_languages_have_the_same_strings_with_the_same_places():
    english, spanish = strings("en"), strings("es")
    assert english.keys() == spanish.keys()
    for key, text in english.items():
        places = [
            {name for _, name, _, _ in string.Formatter().parse(str(item)) if name} for item in (text, spanish[key])
        ]
        assert places[0] == places[1], key


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_are_plain(language):
    for key, text in strings(language).items():
        said = re.sub(r"\{\w+\}", " ", str(text)).lower()
        for word in JARGON[language]:
            assert not re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", said), f"{key} says '{word}'"
