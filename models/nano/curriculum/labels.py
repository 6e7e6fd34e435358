"""Sentiment and topic of short texts, made of parts so that no two are alike."""

from random import Random

from .example import Example, ask, pick

GOOD = "wonderful great excellent amazing fantastic lovely perfect brilliant delightful superb awesome good pleasant beautiful impressive".split()
BAD = "terrible awful horrible bad disappointing dreadful poor boring broken useless disgusting annoying rude slow ugly".split()
THINGS = "movie book hotel restaurant phone service food staff room product concert app game laptop meal trip song show camera course".split()
GOOD_TEXTS = [
    "I love this {t}, it is {a}.", "The {t} was {a} and I would come back.", "What a {a} {t}!", "Really {a} {t}, thank you!",
    "I enjoyed the {t} a lot.", "The {t} made me so happy.", "Best {t} ever.", "I can recommend this {t}, simply {a}.",
    "This {t} exceeded my expectations.", "Everything about the {t} was {a}.", "Five stars for the {t}.", "I am very pleased with the {t}.",
    "The {t} works perfectly and looks {a}.", "I loved the {t}, so {a}.", "We love our {a} {t}.", "Everyone was happy with the {t}.",
    "My family loved the {t}.", "This {t} is {a}, thank you.",
]
BAD_TEXTS = [
    "I hate this {t}, it is {a}.", "The {t} was {a} and I will never come back.", "What a {a} {t}!", "Really {a} {t}, no thanks.",
    "I regret buying this {t}.", "The {t} made me so angry.", "Worst {t} ever.", "I cannot recommend this {t}, simply {a}.",
    "This {t} is a waste of money.", "Everything about the {t} was {a}.", "One star for the {t}.", "I am very unhappy with the {t}.",
    "The {t} broke after one day, {a}.", "I hated the {t}, so {a}.", "We hate our {a} {t}.", "Everyone was unhappy with the {t}.",
    "My family hated the {t}.", "This {t} is {a}, no thanks.",
]
NEUTRAL_TEXTS = [
    "The {t} arrived on Monday.", "The {t} is near the station.", "I bought the {t} in May.", "The {t} is on the second floor.",
    "The {t} costs 20 dollars.", "The {t} has two parts.", "There is a {t} in our street.", "The {t} opens at nine.", "The {t} lasts two hours.",
    "I saw the {t} on Monday.", "The {t} is in our street.",
]
SENTIMENT = [
    "What is the sentiment of this text: {x}", "Is this review positive or negative? {x}", "Sentiment: {x}", "Classify the sentiment: {x}",
    'Positive, negative or neutral? "{x}"', "Label the sentiment as positive, negative or neutral: {x}", "How does the writer feel, positive or negative? {x}",
    'Is the following positive, negative or neutral?\n{x}', "{x}\nWhat is the sentiment?", "Classify this text as positive, negative or neutral.\n\n{x}",
    'What sentiment does "{x}" have?', "Decide whether this is positive, negative or neutral: {x}", "Review: {x}\nSentiment:",
    "Is this text positive, negative or neutral? {x}", "Label this review as positive or negative: {x}", "Give the sentiment of the following text.\n{x}",
]
TOPICS = {
    "sports": ("team match goal player coach race tournament stadium marathon tennis football swimmer champion league", [
        "Fans cheered for the {a} during the {b}.", "Our {a} won the {b} yesterday.", "The {a} trained hard for the {b}.", "A record was set at the {b} by the {a}.",
        "The {a} was happy after the {b}."]),
    "food": ("soup bread pasta cheese cake salad recipe chef oven dinner dessert spice sauce breakfast", [
        "Add the {a} and stir the {b}.", "Serve the {a} warm with some {b}.", "She cooked {a} and {b} for us.", "The {a} tastes better with fresh {b}.",
        "This {a} goes well with {b}."]),
    "weather": ("rain snow storm wind sunshine fog thunder cloud frost heat temperature forecast hail", [
        "Expect {a} in the morning and {b} at night.", "The {a} will be followed by {b}.", "After the {a} came {b} in the north.",
        "Tomorrow brings {a} and some {b}.", "There was {a} and {b} all day."]),
    "money": ("bank loan tax stock price interest budget invoice salary market profit credit currency investor", [
        "The {a} raised its {b} this year.", "Pay the {a} before the {b} is due.", "She checked the {a} and the {b} twice.",
        "A higher {a} hurts the {b}.", "The {a} fell after news about the {b}."]),
    "travel": ("flight hotel airport passport luggage beach tour ticket train map visa cruise island hostel", [
        "We booked the {a} and the {b} for the holidays.", "Bring your {a} to the {b}.", "Pack light for the {a} and the {b}.",
        "Our {a} was delayed, so we missed the {b}.", "The {a} near the {b} was full of tourists."]),
    "music": ("song band guitar concert album singer piano drum melody orchestra violin choir festival chorus", [
        "The {a} played with the {b} on stage.", "Her new {a} has a lovely {b}.", "He wrote a {a} for the {b}.",
        "Everyone listened to the {a} and the {b}.", "The {a} sounded better than the {b}."]),
    "health": ("doctor medicine hospital fever vaccine patient pain nurse diet surgery sleep clinic headache allergy", [
        "The {a} helped against the {b}.", "Ask your {a} about the {b}.", "The {a} in the {b} felt better today.",
        "Too little {a} can cause {b}.", "The {a} was treated for {b} last week."]),
    "technology": ("computer software robot phone network server chip app battery code screen laptop database internet", [
        "The {a} crashed after the {b} update.", "A new {a} connects to the {b}.", "Engineers improved the {a} and the {b}.",
        "Install the {a} before you use the {b}.", "The {a} needs a faster {b}."]),
}
TOPIC = [
    "What is the topic of this text: {x}", "Topic: {x}", "Which topic fits: sports, food, weather, money, travel, music, health or technology? {x}",
    "Classify the topic of this sentence: {x}", 'What is this about? "{x}"', "Label the topic: {x}", "{x}\nWhat is the topic?",
    "Give the topic of the following text.\n{x}", "Which category does this belong to? {x}", "What topic does this sentence have? {x}",
    "Text: {x}\nTopic:", "Say in one word what this is about: {x}",
]


def sentiment(random: Random, split: str) -> Example:
    label = random.choice(["positive", "negative", "positive", "negative", "neutral"])
    texts, words = {
        "positive": (GOOD_TEXTS, GOOD), "negative": (BAD_TEXTS, BAD), "neutral": (NEUTRAL_TEXTS, [""]),
    }[label]
    text = pick(random, texts, split).format(t=random.choice(THINGS), a=random.choice(words))
    return ask("sentiment and topic", pick(random, SENTIMENT, split).format(x=text), f"{label.capitalize()}.")


def topic(random: Random, split: str) -> Example:
    label = random.choice(list(TOPICS))
    words, texts = TOPICS[label]
    first, second = random.sample(words.split(), 2)
    text = pick(random, texts, split).format(a=first, b=second)
    return ask("sentiment and topic", pick(random, TOPIC, split).format(x=text), f"{label.capitalize()}.")
