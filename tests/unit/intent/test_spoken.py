"""What is assumed, asked and refused is said in the person's language, from one table that is in step with the sentences that are made."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from stratforge.intent import spoken
from stratforge.intent.follow_ups import ASK
from stratforge.intent.spoken import findings_in, in_english, said_in, spoken_in

from tests.support.conversations import talk

ROOT = Path(__file__).parents[3]
TABLE = tomllib.loads(Path(spoken.__file__).with_suffix(".toml").read_text(encoding="utf-8"))
LANGUAGES = ("de", "es", "fr", "zh", "ja")
SENTENCES = [each for forms in TABLE.values() for each in forms]
# The verb of these is chosen where they are made.
CHOSEN = (
    "Changed: it buys when ",
    "Changed: it sells when ",
    " is read of buying alone: it sells then all the same.",
)


@cache
def written() -> str:
    """All texts that the gate and the offline author are made of."""
    folders = ("layers/stratforge/intent", "layers/stratforge/ai", "layers/stratforge/application/jobs", "localstack/simulators/gemini/author")  # fmt: skip
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("forms", SENTENCES, ids=[each["en"][:60] for each in SENTENCES])
def test_every_sentence_of_the_table_is_said_in_every_language_with_all_its_places(forms: dict[str, str]) -> None:
    assert set(forms) == {"en", *LANGUAGES}
    places = {*re.findall(r"\{\d\}", forms["en"])}
    assert all({*re.findall(r"\{\d\}", said)} == places for said in forms.values())


@pytest.mark.parametrize(
    "english",
    [each["en"] for name in ("sentences", "findings") for each in TABLE[name] if re.search(r"[a-z]", each["en"])],
)
def test_every_sentence_of_the_table_is_one_that_is_made(english: str) -> None:
    # Where a sentence is made of several texts, one of them is enough.
    texts = [each.strip("“”") for each in re.split(r"\{\d\}", english)]
    parts = [each for each in texts if len(each) > 12] or texts[:1]
    assert any(each in CHOSEN or each in written() for each in parts)


def test_a_sentence_is_said_with_the_persons_words_and_terms_in_their_places() -> None:
    told = ["The usual numbers are taken: the 14-bar RSI, the 20-bar SMA.", "This was not understood: “foo”.", "Else."]
    assert said_in("de", told) == [
        "Es werden die üblichen Zahlen genommen: RSI über 14 Bars, SMA über 20 Bars.",
        "Das wurde nicht verstanden: “foo”.",
        "Else.",
    ]
    assert said_in("", told) == told


def test_rules_are_said_in_the_language_too() -> None:
    taken = "“a, b; c” is taken as: trade AAPL; buy when RSI(14) is at or below 30 and not (it is Friday); sell when the time is at or after 15:55 or RSI(14) is above 70."
    assert said_in("de", [taken]) == [
        "“a, b; c” wird verstanden als: handle AAPL; kaufe, wenn RSI(14) höchstens 30 ist und nicht gilt, dass es Freitag ist; verkaufe, wenn es 15:55 oder später ist oder RSI(14) über 70 liegt."
    ]
    assert said_in("zh", ["No rule for selling was given: it sells when SMA(10) crosses below the close."]) == [
        "没有给出卖出规则：在以下情况卖出：SMA(10)下穿收盘价。"
    ]


@pytest.mark.parametrize(
    ("turns", "language"),
    [
        (["Kaufe AAPL, wenn der RSI unter 30 fällt", "nur montags"], "de"),
        (["Compra cuando el RSI baje de 30", "30"], "es"),
        (["Achète quand le RSI est sous 30"], "fr"),
        (["当RSI低于30时买入", "30"], "zh"),
        (["RSIが30を下回ったら買い"], "ja"),
        (["Kaufe AAPL, wenn der RSI unter 30 fällt", "only on Mondays please"], ""),
        (["Buy when the RSI is below 30", "30"], ""),
        ([], ""),
    ],
)
def test_the_language_is_that_in_which_was_spoken_last(turns: list[str], language: str) -> None:
    assert spoken_in(turns) == language


@pytest.mark.parametrize(
    "turns",
    [
        ("Kaufe, wenn der RSI unter 30 fällt, und verkaufe, wenn er über 70 steigt.",),
        ("Kaufe AAPL, wenn der RSI unter 35 fällt, verkaufe über 60.", "nur montags"),
        ("Kauf Nvidia bei RSI kleiner 30, Verkauf bei RSI größer 70",),
        ("Compra cuando el RSI esté por debajo de 30 y vende cuando esté por encima de 70",),
        ("Achète quand le RSI est sous 30 et vends quand il est au-dessus de 70",),
        ("当RSI低于30时买入，高于70时卖出",),
        ("RSIが30を下回ったら買い、70を上回ったら売り",),
    ],
    ids=lambda turns: turns[-1][:30],
)
def test_a_person_is_told_in_the_language_of_the_request(turns: tuple[str, ...]) -> None:
    draft = talk(*turns).draft
    told = [*draft.questions, *draft.assumptions]
    assert told
    # Quotations stay as they were said, or as they can be sent.
    plain = [re.sub(r"[“„«「][^”“»」]*[”“»」]", "", each) for each in told]
    assert [each for each in plain if re.search(r"\b(?:the|was|is|it|not|which|given)\b", each)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", ["the close", "buy 5 shares", "later", "RSI is above 30", "the volume and the close"])
def test_a_persons_own_words_stay_as_they_were_said(language: str, words: str) -> None:
    (told,) = said_in(language, [f"“{words}” is taken as: buy when RSI(14) is below 30."])
    assert words in told
    assert "buy when" not in told.replace(words, "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "rule",
    [
        "sell everything, when the quantity held is above 0 and the close is below 5",
        "buy, when not (the close is above 5)",
        "buy for 50 % of equity, with a stop loss of 2 %, when RSI(14) is above the close and it is not Monday",
    ],
)
def test_a_rule_that_the_table_does_not_have_as_a_whole_stays_as_it_is_as_a_whole(language: str, rule: str) -> None:
    (told,) = said_in(language, [f"The code also does this, which no requirement names: {rule} (line 3)."])
    assert rule in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_negated_together_stays_together(language: str) -> None:
    both = "No rule for selling was given: it sells when not (RSI(14) is above 70 and SMA(5) is below 3) and the close is above 9."
    all_three = "No rule for selling was given: it sells when not (RSI(14) is above 70 and SMA(5) is below 3 and the close is above 9)."
    one, other = said_in(language, [both, all_three])
    assert re.sub(r"\W", "", one) == re.sub(r"\W", "", other) or language == "ja"
    assert one != other


def test_a_sentence_behind_another_is_said_in_the_language_as_well() -> None:
    told = "“foo” was not understood. Which rule should it follow? You could say: x"
    assert said_in("de", [told]) == ["“foo” wurde nicht verstanden. Welcher Regel soll sie folgen? Zum Beispiel: x"]


def test_what_is_no_more_is_not_said_as_its_contrary() -> None:
    (no_more,) = said_in("fr", ["No longer: buy when RSI(14) is below 30."])
    assert not no_more.startswith("Plus")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "RSI über 14 Bars mindestens 30 ist und der Schlusskurs unter 5 liegt"),
        ("es", "RSI de 14 barras es al menos 30 y el cierre está por debajo de 5"),
        ("fr", "RSI à 14 barres est au moins 30 et la clôture est au-dessous de 5"),
        ("zh", "14周期RSI不低于30且收盘价低于5"),
        ("ja", "14本のRSIが30以上の、かつ終値が5を下回る"),
    ],
)
def test_the_length_of_an_indicator_is_not_that_of_what_it_is_compared_with(language: str, words: str) -> None:
    told = "No rule for selling was given: it sells when the 14-bar RSI is at or above 30 and the close is below 5."
    assert words in said_in(language, [told])[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_days_are_all_said_in_the_language(language: str) -> None:
    (told,) = said_in(language, ["Changed: buy only when it is Monday or Tuesday or Wednesday or Thursday or Friday."])
    assert not re.search(r"day\b", told)


@pytest.mark.parametrize("turns", [("Kaufe samstags",), ("Kaufe AAPL oder MSFT wenn der RSI unter 30 fällt",)])
def test_questions_about_what_is_missing_are_asked_in_the_language(turns: tuple[str, ...]) -> None:
    assert not [each for each in talk(*turns).draft.questions if re.match(r"(?:Which|A strategy)\b", each)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_without_places_is_known_again_in_every_language(language: str) -> None:
    made = "No size was given: the session's sizing rule decides."
    (said,) = said_in(language, [made])
    assert said != made
    assert in_english(said) == made
    assert in_english("Something else.") == "Something else."


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        ("The request says “30” (in “…RSI unter 30…”), and no requirement quotes it: add it as covered, assumed or unsupported.", "Was geschrieben wurde, lässt “30” aus (in “…RSI unter 30…”)."),
        (f"“wenn es passt” was not understood. Both of them, or one of them? {ASK}", "“wenn es passt” wurde nicht verstanden. Beide davon oder eines davon?"),
        (f"“sell when RSI(14) > 70” may hold where it buys, so that what was bought is sold on the next bar: use crosses_above or crosses_below where a crossing is meant. {ASK}", "“sell when RSI(14) > 70” kann schon beim Kauf gelten, dann würde das Gekaufte auf dem nächsten Bar verkauft. Ist ein Kreuzen gemeint?"),
        ("The code uses ta.ema, and the explanation does not mention it.", "Der Code benutzt ta.ema, und die Erklärung sagt nichts davon."),
        # What the table does not have says what it is about, and the rest as it was made.
        ("“nur montags” names days of the week, and its rules act on others.", "“nur montags”: was geschrieben wurde, sagt nicht sicher dasselbe (“names days of the week, and its rules act on others.”)"),
        ("3:4 name: x is not known.", "Was geschrieben wurde, hat eine Prüfung nicht bestanden (“3:4 name: x is not known.”)"),
    ],
)  # fmt: skip
def test_what_did_not_pass_is_said_in_the_language_and_names_the_persons_words(finding: str, said: str) -> None:
    assert findings_in("de", [finding]) == [said]
    assert findings_in("", [finding]) == [finding]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "message",
    [
        "The code did not pass after 3 repairs. Nothing was written.",
        "The answer did not pass after 1 repair. Nothing was changed.",
        "The code did not pass after 2 repairs, and more than 400,000 tokens are not spent on one request. Nothing was written.",
    ],
)
def test_why_nothing_came_of_it_is_said_in_the_language(language: str, message: str) -> None:
    (said,) = said_in(language, [message])
    assert not re.search(r"\b(?:code did|answer|repairs?|nothing|not|written)\b", said, re.IGNORECASE)
    assert re.findall(r"\d[\d,]*", said) == re.findall(r"\d[\d,]*", message)
