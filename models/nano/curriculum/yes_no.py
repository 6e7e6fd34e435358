"""Yes or no, and which of two."""

from random import Random

from .example import Example, ask, draw, pick
from .facts import CAPITALS, CONTINENTS

KINDS = {
    "an animal": "dog cat cow horse lion tiger rabbit sheep elephant frog whale eagle spider",
    "a fruit": "apple banana pear orange lemon cherry grape peach mango plum",
    "a vegetable": "carrot potato onion cabbage spinach broccoli",
    "a color": "red blue green yellow black white purple pink",
    "a vehicle": "car bus train bicycle truck boat plane tram",
    "a country": "France Germany Italy Spain Japan China Brazil Canada Egypt Kenya India Mexico",
    "a tool": "hammer saw screwdriver drill wrench",
    "a musical instrument": "guitar piano violin drum flute trumpet",
}
TRUTHS = (
    "the sky:blue on a clear day:green on a clear day,ice:cold:hot,fire:hot:cold,snow:white:black,water:wet:dry,"
    "the sun:a star:a planet,the Earth:round:flat,sugar:sweet:bitter,a lemon:sour:salty,gold:a metal:a plant,"
    "a whale:a mammal:a fish,a spider:an arachnid:a bird,a tomato:red when ripe:blue when ripe,honey:sweet:salty,"
    "a stone:hard:soft,a feather:light:heavy,the moon:smaller than the Earth:bigger than the Earth,"
    "a snail:slow:fast,a cheetah:fast:slow,winter:colder than summer:warmer than summer,glass:made from sand:made from milk,"
    "an elephant:big:tiny,an ant:small:huge,milk:white:green,coal:black:pink,a year:longer than a month:shorter than a month,"
    "an hour:longer than a minute:shorter than a minute,a kilometer:longer than a meter:shorter than a meter"
)
CAN = (
    "birds fly:y,fish swim:y,dogs fly:n,cats climb trees:y,cows fly:n,horses run:y,stones swim:n,penguins fly:n,"
    "penguins swim:y,humans breathe under water:n,plants grow:y,babies drive cars:n,snakes walk:n,kangaroos jump:y,"
    "elephants jump:n,frogs jump:y,bees make honey:y,cows give milk:y,hens lay eggs:y,dogs lay eggs:n,cars fly:n,planes fly:y"
)
SIZES = "an ant,a mouse,a cat,a dog,a sheep,a horse,an elephant,a blue whale".split(",")
TAILS = ["", "", " Answer yes or no.", " Yes or no?", " (yes/no)"]


def yes_no(random: Random, split: str) -> Example:
    question, holds = random.choice([_kind, _truth, _ability, _number, _parity, _capital, _continent])(random, split)
    tail = TAILS[-1] if split != "train" and random.random() < 0.3 else random.choice(TAILS[:-1])
    return ask("yes or no", question + tail, "Yes." if holds else "No.")


def comparison(random: Random, split: str) -> Example:
    if random.random() < 0.25:
        first, second = random.sample(range(len(SIZES)), 2)
        text, is_larger = pick(random, [
            ("Which is bigger, {} or {}?", True), ("What is larger, {} or {}?", True), ("Which is smaller, {} or {}?", False),
            ("Which animal is bigger: {} or {}?", True), ("Of {} and {}, which is smaller?", False), ("Bigger: {} or {}?", True),
            ("Between {} and {}, what is the larger animal?", True), ("Name the smaller one: {} or {}.", False), ("Who is larger, {} or {}?", True),
            ("Which of the two is bigger, {} or {}?", True), ("What would be the smaller of {} and {}?", False),
        ], split)
        answer = max(first, second) if is_larger else min(first, second)
        text = text.format(SIZES[first], SIZES[second])
        return ask("comparisons", text, f"{SIZES[answer][0].upper()}{SIZES[answer][1:]}.")
    text, is_larger = pick(random, [
        ("Which is bigger, {} or {}?", True), ("Which number is larger: {} or {}?", True), ("What is smaller, {} or {}?", False),
        ("Which is smaller, {} or {}?", False), ("Is {} or {} bigger?", True), ("Is {} or {} smaller?", False),
        ("What is greater, {} or {}?", True), ("The larger of {} and {}?", True), ("The smaller of {} and {}?", False),
        ("Which one is less, {} or {}?", False), ("Of {} and {}, which is larger?", True), ("Between {} and {}, which is the smaller?", False),
        ("Pick the larger number: {} or {}", True), ("Pick the smaller number: {}, {}", False), ("Which of these is bigger: {} or {}?", True),
        ("Which of these numbers is less: {} or {}?", False), ("Compare {} and {}: which is bigger?", True), ("Compare {} and {}. Which is smaller?", False),
        ("Bigger: {} or {}?", True), ("Name the greater of {} and {}.", True), ("Name the lesser of {} and {}.", False), ("{} or {}, which is more?", True),
        ("{} or {}, which is smaller?", False), ("Which of the numbers {} and {} is greater?", True), ("Tell me the smaller one of {} and {}.", False),
        ("What is the bigger number, {} or {}?", True), ("Out of {} and {}, what is the smallest?", False),
        ("Which of {} and {} is larger?", True), ("Which of {} and {} is smaller?", False), ("Do you know which is larger, {} or {}?", True),
        ("Choose the smaller: {} or {}.", False), ("What is more, {} or {}?", True),
    ], split)
    _, first, second = draw(random, split, _two_numbers)
    return ask("comparisons", text.format(first, second), f"{max(first, second) if is_larger else min(first, second)}.")


def _two_numbers(random: Random) -> tuple[str, int, int]:
    top = random.choice([20, 100, 100, 1000])
    first, second = random.sample(range(top), 2)
    return "compare", first, second


def _kind(random: Random, split: str) -> tuple[str, bool]:
    kind, holds = random.choice(list(KINDS)), random.random() < 0.5
    source = kind if holds else random.choice([other for other in KINDS if other != kind])
    thing = random.choice(KINDS[source].split())
    article = "" if source in ("a color", "a country") else "an " if thing[0] in "aeiou" else "a "
    text = pick(random, [
        "Is {} {}?", "is {} {}", "Would you say that {} is {}?", "Is it true that {} is {}?", "Is it correct that {} is {}?", "Do you think {} is {}?",
        "Please say if {} is {}.", "{}: is that {}?", "Does {} count as {}?", "Say whether {} is {}.", "Check this: {} is {}.", "True or not: {} is {}?",
        "Tell me: is {} {}?", "Would {} be {}?", "I wonder, is {} {}?"], split)
    return text.format(article + thing, kind), holds


def _truth(random: Random, split: str) -> tuple[str, bool]:
    subject, right, wrong = random.choice(TRUTHS.split(",")).split(":")
    holds = random.random() < 0.5
    text = pick(random, [
        "Is {} {}?", "is {} {}?", "Is it true that {} is {}?", "Is {} {} or not?", "Is it correct that {} is {}?", "Do you think that {} is {}?",
        "Say whether {} is {}.", "Would you say {} is {}?", "True or not: {} is {}?", "Please say if {} is {}.", "Check this: {} is {}.", "Do people say that {} is {}?",
        "Tell me: is {} {}?", "I wonder, is {} {}?", "Would you agree that {} is {}?"], split)
    return text.format(subject, right if holds else wrong), holds


def _ability(random: Random, split: str) -> tuple[str, bool]:
    text, holds = random.choice(CAN.split(",")).split(":")
    return pick(random, [
        "Can {}?", "can {}", "Is it true that {}?", "Do you think that {}?", "Is it correct that {}?", "Would you say that {}?", "True or not: {}?",
        "Say whether {}.", "Please say if {}.", "Is it possible that {}?", "Check this: {}.", "Could {}?",
        "Do {}?", "I wonder, can {}?", "Would you agree that {}?"], split).format(text), holds == "y"


def _number(random: Random, split: str) -> tuple[str, bool]:
    _, first, second = draw(random, split, _two_numbers)
    text, is_larger = pick(random, [
        ("Is {} bigger than {}?", True), ("Is {} greater than {}?", True), ("Is {} less than {}?", False), ("Is {} more than {}?", True),
        ("Is {} smaller than {}?", False), ("Is {} larger than {}?", True), ("Is it true that {} is more than {}?", True),
        ("Is it correct that {} is less than {}?", False), ("Do you think {} is bigger than {}?", True), ("Would you say {} is smaller than {}?", False),
        ("Say whether {} is greater than {}.", True), ("Please say if {} is less than {}.", False), ("{}: is that more than {}?", True),
        ("{} is less than {}, true or not?", False), ("Does {} come before {}?", False), ("Does {} come after {}?", True),
        ("Would {} be less than {}?", False), ("Tell me: is {} larger than {}?", True), ("I wonder, is {} smaller than {}?", False),
        ("Would you agree that {} is more than {}?", True),
    ], split)
    return text.format(first, second), (first > second) == is_larger


def _parity(random: Random, split: str) -> tuple[str, bool]:
    _, number = draw(random, split, lambda r: ("parity", r.randint(0, 999)))
    kind = random.choice(["even", "odd"])
    text = pick(random, [
        "Is {} {}?", "Is {} an {} number?", "Is the number {} {}?", "{}: is that {}?", "Is it true that {} is {}?", "Do you think {} is {}?",
        "Say whether {} is {}.", "Please say if {} is {}.", "Is it correct that {} is {}?", "Would you say {} is {}?", "Check this: {} is {}.", "True or not: {} is {}?",
        "Would you call {} {}?", "Tell me: is {} {}?", "I wonder, is {} {}?"], split)
    return text.format(number, kind), (number % 2 == 0) == (kind == "even")


def _capital(random: Random, split: str) -> tuple[str, bool]:
    country, holds = random.choice(list(CAPITALS)), random.random() < 0.5
    city = CAPITALS[country] if holds else random.choice(list(CAPITALS.values()))
    text = pick(random, [
        "Is {} the capital of {}?", "is {} the capital of {}", "Is {} the capital city of {}?", "Is it true that {} is the capital of {}?",
        "Say whether {} is the capital of {}.", "Do you think {} is the capital of {}?", "{}: is that the capital of {}?", "Is it correct that {} is the capital of {}?",
        "Would {} be the capital of {}?", "Tell me: is {} the capital of {}?"], split)
    return text.format(city, country), city == CAPITALS[country]


def _continent(random: Random, split: str) -> tuple[str, bool]:
    continent, holds = random.choice(list(CONTINENTS)), random.random() < 0.5
    source = continent if holds else random.choice([other for other in CONTINENTS if other != continent])
    text = pick(random, [
        "Is {} in {}?", "Does {} lie in {}?", "Is {} a country in {}?", "Is it true that {} is in {}?", "Do you find {} in {}?", "Is {} one of the countries of {}?",
        "Say whether {} is in {}.", "Does {} belong to {}?", "Is it correct that {} lies in {}?", "Would you say {} is in {}?",
        "Is {} part of {}?", "Tell me: is {} in {}?"], split)
    return text.format(random.choice(CONTINENTS[source].split()), continent), holds
