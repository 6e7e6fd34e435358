"""Sentiment and topic of short texts, made of parts so that no two are alike."""

from random import Random

from .example import Example, ask, pick

GOOD = "wonderful great excellent amazing fantastic lovely perfect brilliant delightful superb awesome good pleasant beautiful impressive".split()
BAD = "terrible awful horrible bad disappointing dreadful poor boring broken useless disgusting annoying rude slow ugly".split()
THINGS = "movie book hotel restaurant phone service food staff room product concert app game laptop meal trip song show camera course".split()
GOOD_TEXTS = [
    "I love this {t}, it is {a}.", "The {t} was {a} and I would come back.", "What a {a} {t}!", "Really {a} {t}, thank you!",
    "I enjoyed the {t} a lot.", "Happy with the {t}.", "My friends loved this {t}.", "Such a {a} {t}.", "A {a} {t}, I was so happy.", "All of us loved the {t}.", "It was a {a} {t}.",
    "Thank you for the {a} {t}!", "So happy, the {t} is {a}.", "I love it, {a} {t}.", "We were pleased with the {a} {t}.", "The {t} made me so happy.", "Best {t} ever.", "I can recommend this {t}, simply {a}.",
    "This {t} exceeded my expectations.", "Everything about the {t} was {a}.", "Five stars for the {t}.", "I am very pleased with the {t}.",
    "The {t} works perfectly and looks {a}.", "I loved the {t}, so {a}.", "We love our {a} {t}.", "Everyone was happy with the {t}.",
    "My family loved the {t}.", "This {t} is {a}, thank you.",
]
BAD_TEXTS = [
    "I hate this {t}, it is {a}.", "The {t} was {a} and I will never come back.", "What a {a} {t}!", "Really {a} {t}, no thanks.",
    "I regret buying this {t}.", "Unhappy with the {t}.", "My friends hated this {t}.", "Such a {a} {t}.", "A {a} {t}, I was so angry.", "All of us hated the {t}.", "It was a {a} {t}.",
    "No thanks, what a {a} {t}!", "So angry, the {t} is {a}.", "I hate it, {a} {t}.", "We were unhappy with the {a} {t}.", "The {t} made me so angry.", "Worst {t} ever.", "I cannot recommend this {t}, simply {a}.",
    "This {t} is a waste of money.", "Everything about the {t} was {a}.", "One star for the {t}.", "I am very unhappy with the {t}.",
    "The {t} broke after one day, {a}.", "I hated the {t}, so {a}.", "We hate our {a} {t}.", "Everyone was unhappy with the {t}.",
    "My family hated the {t}.", "This {t} is {a}, no thanks.",
]
NEUTRAL_TEXTS = [
    "The {t} arrived on Monday.", "The {t} is near the station.", "I bought the {t} in May.", "The {t} is on the second floor.",
    "The {t} costs 20 dollars.", "On Monday I saw the {t}.", "I saw a {t} in the street.", "There is a {t} near the station.", "The {t} is in the house.", "We saw the {t} in May.",
    "A {t} is on the table.", "The {t} begins on Monday.", "It is the second {t}.", "The {t} has two parts.", "There is a {t} in our street.", "The {t} opens at nine.", "The {t} lasts two hours.",
    "I saw the {t} on Monday.", "The {t} is in our street.",
]
SENTIMENT = [
    "What is the sentiment of this text: {x}", "Is this review positive or negative? {x}", "Sentiment: {x}", "Classify the sentiment: {x}",
    'Positive, negative or neutral? "{x}"', "Label the sentiment as positive, negative or neutral: {x}", "How does the writer feel, positive or negative? {x}",
    'Is the following positive, negative or neutral?\n{x}', "{x}\nWhat is the sentiment?", "Classify this text as positive, negative or neutral.\n\n{x}",
    'What sentiment does "{x}" have?', "Decide whether this is positive, negative or neutral: {x}", "Review: {x}\nSentiment:",
    "Say whether this is positive, negative or neutral: {x}", "Tell me the sentiment: {x}", "Is the mood of this text good or bad? {x}", "{x}\nPositive, negative or neutral?",
    "Text: {x}\nSentiment:", "Which sentiment fits: positive, negative or neutral? {x}", "Is this comment positive or negative? {x}", "Rate the sentiment of this review: {x}",
    "Positive, negative, or neutral: {x}", "Find the sentiment.\n{x}", "Does this sound positive, negative or neutral? {x}", "Name the sentiment of this sentence. {x}",
    "What feeling does this show, positive, negative or neutral? {x}", "The following is a review. Is it positive or negative? {x}", "Sentiment of the text below:\n{x}",
    "Is this text positive, negative or neutral? {x}", "Label this review as positive or negative: {x}", "Give the sentiment of the following text.\n{x}",
]
TOPICS = {
    "sports": ("team match goal player coach race tournament stadium marathon tennis football swimmer champion league", [
        "Fans cheered for the {a} during the {b}.", "Before the {b} the {a} was nervous.", "The {a} was ready for the {b}.", "They talked about the {a} and the {b}.", "What a {b} for the {a}!", "Our {a} won the {b} yesterday.", "The {a} trained hard for the {b}.", "A record was set at the {b} by the {a}.",
        "The {a} was happy after the {b}."]),
    "food": ("soup bread pasta cheese cake salad recipe chef oven dinner dessert spice sauce breakfast", [
        "Add the {a} and stir the {b}.", "This {b} needs more {a}.", "We ate {a} with {b}.", "They talked about the {a} and the {b}.", "The {b} was better than the {a}.", "Serve the {a} warm with some {b}.", "She cooked {a} and {b} for us.", "The {a} tastes better with fresh {b}.",
        "This {a} goes well with {b}."]),
    "weather": ("rain snow storm wind sunshine fog thunder cloud frost heat temperature forecast hail", [
        "Expect {a} in the morning and {b} at night.", "There will be {a} and later {b}.", "All day we had {b} after the {a}.", "They talked about the {a} and the {b}.", "More {a} than {b} this week.", "The {a} will be followed by {b}.", "After the {a} came {b} in the north.",
        "Tomorrow brings {a} and some {b}.", "There was {a} and {b} all day."]),
    "money": ("bank loan tax stock price interest budget invoice salary market profit credit currency investor", [
        "The {a} raised its {b} this year.", "The {b} rose and the {a} fell.", "News about the {a} changed the {b}.", "They talked about the {a} and the {b}.", "The {a} depends on the {b}.", "Pay the {a} before the {b} is due.", "She checked the {a} and the {b} twice.",
        "A higher {a} hurts the {b}.", "The {a} fell after news about the {b}."]),
    "travel": ("flight hotel airport passport luggage beach tour ticket train map visa cruise island hostel", [
        "We booked the {a} and the {b} for the holidays.", "The {b} was close to the {a}.", "Many tourists were at the {a} and the {b}.", "They talked about the {a} and the {b}.", "The {a} for the {b} was full.", "Bring your {a} to the {b}.", "Pack light for the {a} and the {b}.",
        "Our {a} was delayed, so we missed the {b}.", "The {a} near the {b} was full of tourists."]),
    "music": ("song band guitar concert album singer piano drum melody orchestra violin choir festival chorus", [
        "The {a} played with the {b} on stage.", "The {b} sounded better after the {a}.", "They talked about the {a} and the {b}.", "We heard the {a} with the {b}.", "A {a} without a {b} is quiet.", "Her new {a} has a lovely {b}.", "He wrote a {a} for the {b}.",
        "Everyone listened to the {a} and the {b}.", "The {a} sounded better than the {b}."]),
    "health": ("doctor medicine hospital fever vaccine patient pain nurse diet surgery sleep clinic headache allergy", [
        "The {a} helped against the {b}.", "Last week the {a} needed the {b}.", "They talked about the {a} and the {b}.", "She was treated with {a} and {b}.", "The {b} got better after the {a}.", "Ask your {a} about the {b}.", "The {a} in the {b} felt better today.",
        "Too little {a} can cause {b}.", "The {a} was treated for {b} last week."]),
    "technology": ("computer software robot phone network server chip app battery code screen laptop database internet", [
        "The {a} crashed after the {b} update.", "A faster {b} helps the {a}.", "They talked about the {a} and the {b}.", "This {a} works with any {b}.", "The new {b} replaced the {a}.", "A new {a} connects to the {b}.", "Engineers improved the {a} and the {b}.",
        "Install the {a} before you use the {b}.", "The {a} needs a faster {b}."]),
}
TOPIC = [
    "What is the topic of this text: {x}", "Topic: {x}", "Which topic fits: sports, food, weather, money, travel, music, health or technology? {x}",
    "Classify the topic of this sentence: {x}", 'What is this about? "{x}"', "Label the topic: {x}", "{x}\nWhat is the topic?",
    "Name the topic of this sentence: {x}", "{x}\nTopic:", "Sentence: {x}\nTopic?", "Tell me the topic: {x}", "In one word, what is the topic? {x}", "Find the topic.\n{x}",
    "What subject is this about? {x}", "Sports, food, weather, money, travel, music, health or technology? {x}", "Say what this text is about in one word. {x}",
    "Give one word for the topic: {x}", "Category: {x}", "Which topic does this text have? {x}", "Text: {x}\nCategory:", "Is this about sports, food, weather, money, travel, music, health or technology? {x}",
    "{x}\nWhat is this about?", "Assign a topic: {x}", "What kind of text is this? {x}", "Sort this into a topic: {x}",
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
