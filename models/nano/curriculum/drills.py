"""Several questions in one, answered one after the other: many sums and facts for few tokens."""

from random import Random

from .arithmetic import SIGNS, draw_sum, worked
from .example import Example, ask, pick
from .facts import RELATIONS

SUMS = [
    "{}", "Calculate: {}", "Solve these: {}", "Compute {}", "What are {}?", "Work out: {}", "Give me the results of {}", "Calculate these: {}",
    "Work out these: {}", "Please calculate {}",
]
FACTS = {
    "capital": ["Capitals: {}", "What are the capitals of {}?", "Name the capitals of {}.", "Capitals of {}?", "Tell me the capitals of {}."],
    "continent": ["Continents: {}", "On which continents are {}?", "Name the continents of {}."],
    "currency": ["Currencies: {}", "What are the currencies of {}?", "Name the currencies of {}."],
    "language": ["Languages: {}", "Which languages are spoken in {}?", "Name the languages of {}."],
    "symbol": ["Chemical symbols: {}", "What are the chemical symbols for {}?", "Name the chemical symbols of {}."],
    "opposite": ["Opposites: {}", "What are the opposites of {}?", "Name the opposites of {}.", "Opposites of {}?", "Give me the opposites of {}."],
    "plural": ["Plurals: {}", "What are the plurals of {}?", "Give the plurals of {}."],
    "past": ["Past tenses: {}", "What are the past tenses of {}?", "Give the past tenses of {}."],
    "color": ["Colors: {}", "What colors are {}?", "Which colors have {}?"],
    "abbreviation": ["Abbreviations: {}", "What do {} stand for?", "Spell out {}."],
}
KNOWN = {name: facts for name, _, facts, _ in RELATIONS}
WEIGHTS = {name: weight for name, weight, _, _ in RELATIONS}


def several_sums(random: Random, split: str) -> Example:
    sums = [draw_sum(random, split) for _ in range(random.randint(2, 3))]
    shown = ", ".join(f"{left}{random.choice(SIGNS[sign][:2])}{right}" for sign, left, right in sums)
    return ask("several at once", pick(random, SUMS, split).format(shown), "\n".join(worked(*each) for each in sums))


def several_facts(random: Random, split: str) -> Example:
    name = random.choices(list(FACTS), [WEIGHTS[name] for name in FACTS])[0]
    facts = random.sample(KNOWN[name], random.randint(3, 6))
    subjects = [subject for subject, _ in facts]
    joined = ", ".join(subjects) if random.random() < 0.6 else f"{', '.join(subjects[:-1])} and {subjects[-1]}"
    return ask("several at once", pick(random, FACTS[name], split).format(joined), ", ".join(value for _, value in facts) + ".")


def several_translations(random: Random, split: str) -> Example:
    language = random.choice(["Spanish", "French", "German", "Italian"])
    words = [fact for fact in KNOWN["translation"] if fact[0].endswith(f"|{language}")]
    facts = random.sample(words, random.randint(3, 6))
    listed = ", ".join(subject.split("|")[0] for subject, _ in facts)
    text = pick(random, ["Translate into {1}: {0}", "Translate to {1}: {0}", "In {1}: {0}", "What are these words in {1}: {0}", "Translate these words into {1}: {0}"], split)
    return ask("several at once", text.format(listed, language), ", ".join(value for _, value in facts) + ".")
