"""Questions that are too much for a tiny model, which it should leave to a larger one.

The answer says so, and its end is drawn at random: what is learnt from it is to be unsure in numbers as well as in
words, so that a gateway which watches the probabilities of tokens hands the question on.
"""

from random import Random

from .example import Example, ask, pick
from .facts import CAPITALS
from .tables import CITIES, FIRST_NAMES, PRODUCTS, SYLLABLES, any_name, invented_name

UNSURE = "I am not sure"
WHO = "A larger model,A bigger model,A stronger model,Another model,Somebody else,An expert,A specialist,Some person".split(",")
MAY = "may might could can should would will".split()
DO = "know,help,answer that,tell you,do this,say more,work it out,find out".split(",")

TOPICS = (
    "climate change,the French Revolution,quantum mechanics,black holes,the stock market,machine learning,the Roman Empire,photosynthesis,"
    "inflation,blockchain,evolution,the Cold War,free will,artificial intelligence,relativity,the immune system,democracy in ancient Greece,"
    "global trade,renewable energy,the human brain,plate tectonics,database indexes,distributed systems,neural networks,the industrial revolution,"
    "supply chains,nuclear fusion,immigration,social media,the housing crisis,electric cars,space travel,vaccines,genetics,poverty,education,"
    "the meaning of life,time management,leadership,a lonely dragon,the ocean at night,a lost robot,autumn,friendship,my grandmother,remote work,"
    "customer service,our new product,a startup,sustainable fashion,healthy eating,marathon training,stress,sleep problems,gardening on a balcony,"
    "learning a language,jazz history,modern art,the Renaissance,Greek philosophy,Buddhism,world hunger,urban planning,cyber security,cloud computing,"
    "open source,version control,microservices,the water cycle,dark matter,string theory,game theory,monetary policy,constitutional law,ethics,"
    "the theory of mind,migration of birds,coral reefs,deforestation,antibiotics,heart disease,diabetes,chess openings,baroque music,opera,film noir,"
    "medieval castles,Vikings,samurai,pirates,the silk road,the gold standard,cryptography,compilers,operating systems,garbage collection,load balancing,"
    "consensus protocols,the CAP theorem,thermodynamics,entropy,electromagnetism,superconductors,semiconductors,enzymes,stem cells,"
    "tax reform,pension systems,trade unions,privacy,censorship,propaganda,minimalism,surrealism,stoicism,existentialism,"
    "wine making,beekeeping,woodworking,sailing,mountaineering,archery,pottery,street photography,"
    "public transport,bridges,skyscrapers,earthquakes,hurricanes,glaciers,volcanic eruptions,whale songs,dinosaurs,fossils,"
    "the United Nations,human rights,feminism,slavery,colonialism,the Ottoman Empire,the Ming dynasty,the Aztecs,Napoleon,Cleopatra,"
    "user onboarding,pricing strategy,brand identity,quarterly results,employee motivation,hiring,negotiation,public speaking"
).split(",")
OPEN = [
    "Write a poem about {t}.", "Write an essay about {t}.", "Explain {t}.", "Explain {t} in detail.", "Write a story about {t}.", "Tell me everything about {t}.",
    "Why is {t} important?", "What are the causes of {t}?", "Compare {t} and {u}.", "What do you think about {t}?", "Write a blog post about {t}.",
    "Summarize the history of {t}.", "Give me a detailed plan for {t}.", "How does {t} work?", "Discuss the pros and cons of {t}.", "Write a speech about {t}.",
    "What is the relation between {t} and {u}?", "Give me ten ideas about {t}.", "Analyze the impact of {t} on {u}.", "Write a song about {t}.",
    "What is the future of {t}?", "Teach me about {t}.", "How can I get better at {t}?", "Describe {t} in three paragraphs.", "Debate {t}.",
    "Write a letter to my boss about {t}.", "What are the best books about {t}?", "Which problems does {t} have?", "What should I know about {t}?",
    "Tell me a joke about {t}.", "Write a haiku about {t}", "Create a lesson plan on {t}.", "Outline a novel about {t}.", "Give a critical review of {t}.",
    "Draft a proposal on {t}.", "What would happen without {t}?", "Explain {t} like I am five.", "Make a quiz about {t}.", "Prepare slides on {t}.",
]
LANGUAGES = "Python JavaScript Java C++ Rust Go SQL TypeScript Bash PHP Ruby Kotlin Swift Haskell".split()
JOBS = (
    "reverses a string,sorts a list,reads a CSV file,parses JSON,finds prime numbers,computes the median,merges two sorted lists,counts words,"
    "connects to a database,downloads a web page,validates an email address,implements a queue,solves a maze,compresses a file,draws a chart,"
    "caches results,retries a request,walks a directory,checks brackets,computes Fibonacci numbers,removes duplicates,flattens a tree"
).split(",")
CODE = [
    "Write a {l} function that {j}.", "Write a program in {l} that {j}.", "Implement a class in {l} that {j}.", "How do I write {l} code that {j}?",
    "Fix this {l} code: {c}", "Why does this {l} code fail? {c}", "Refactor this: {c}", "Explain this code: {c}", "What does this code do? {c}",
    "Write unit tests for a {l} function that {j}.", "Debug this {l} error: {e}", "I get {e} in {l}, what is wrong?", "Optimize this query: SELECT * FROM {n}",
    "Translate this code from {l} to {m}: {c}", "Show me a {l} script that {j}.", "Write a regex that {j}.", "Give me {l} code that {j}.", "Review my {l} code: {c}",
]
SNIPPETS = ["def f(x): return x +", "for i in range(10): print(i", "let x = y => y * 2", "int main() { return 0; }", "if (a = b) { run(); }", "while True: pass", "SELECT name FROM users WHERE", "const f = async () => {}", "print('hello)", "return a[i+1]", "x = [1, 2, 3].map(f)", "class A: pass"]
ERRORS = ["NullPointerException", "a segmentation fault", "TypeError: undefined is not a function", "KeyError", "a timeout", "IndexError: list index out of range", "error 404", "a deadlock", "a stack overflow", "ModuleNotFoundError"]
MATHS = [
    "Prove that {a}.", "Show that {a}.", "Give a proof that {a}.", "Solve x^2 + {n}x + {m} = 0.", "Find the derivative of {f}.", "Integrate {f}.", "What is the integral of {f}?",
    "Solve for x: {n}x + {m} = {k}", "What is the square root of {k}?", "Compute the limit of {f}.", "What is log({k})?", "What is {n} to the power of {m}?", "What is {n}! ?",
    "Find all primes below {k}.", "What is the determinant of [[{n}, {m}], [{k}, 1]]?", "Is it true that {a}?", "Differentiate {f}.", "Why is it that {a}?", "Factor {k}.", "What is {n}^{m}?",
]
CLAIMS = ["there are infinitely many primes", "the square root of two is irrational", "the sum of two even numbers is even", "every tree has n - 1 edges", "e is transcendental", "the harmonic series diverges", "any group of prime order is cyclic", "the reals are uncountable", "a continuous function on a closed interval is bounded", "there is no largest number", "P is not NP"]
CURVES = ["x^2", "sin(x)", "x * e^x", "ln(x)", "1/x", "cos(2x)", "x^3 - 2x", "sqrt(x)", "tan(x)", "e^(-x)"]
BIG = ["What is {}?", "{}", "Calculate {}.", "How much is {}?", "{} = ?", "Compute {}", "what's {}", "Work out {}.", "Can you compute {} for me?", "Solve {}", "{} equals?", "Find {}."]
PLACES = (
    "Burkina Faso,Eswatini,Lesotho,Djibouti,Suriname,Belize,Andorra,San Marino,Bhutan,Moldova,Nauru,Tuvalu,Kiribati,Palau,Vanuatu,Comoros,Malta,Cyprus,"
    "Saskatchewan,Bavaria,Tasmania,Texas,California,Queensland,Ontario,Siberia,Catalonia,Tuscany,Normandy,Brittany,Crete,Corsica,Sicily,Kashmir,Tibet,"
    "Somaliland,Greenland,Guam,Bermuda,Fiji,Samoa,Tonga,Gabon,Togo,Benin,Mali,Niger,Chad,Angola,Zambia,Malawi,Rwanda,Burundi,Uganda,Sudan,Eritrea,"
    "Kazakhstan,Uzbekistan,Tajikistan,Kyrgyzstan,Turkmenistan,Georgia,Armenia,Azerbaijan,Yemen,Oman,Qatar,Kuwait,Laos,Cambodia,Myanmar,Brunei,"
    "Honduras,Nicaragua,Guatemala,Panama,Haiti,Barbados,Guyana,Florida,Ohio,Alaska,Hawaii,Bengal,Punjab,Hokkaido,Saxony,Transylvania,Lapland,Zanzibar,"
    "Madeira,Mauritius,Seychelles,Maldives,Liberia,Sierra Leone,Guinea,Mozambique,Botswana,Namibia,Montenegro,Kosovo,Albania,Liechtenstein,Monaco"
).split(",")
WHERE = [
    "What is the capital of {}?", "capital of {}", "Which city is the capital of {}?", "Name the capital of {}.", "Tell me the capital of {}.", "What's the capital of {}?",
    "What is the capital city of {}?", "{} capital?", "What is the currency of {}?", "On which continent is {}?", "What language is spoken in {}?", "How many people live in {}?",
    "What is the population of {}?", "Who is the president of {}?", "Where is {}?", "How far is {} from here?", "What is the history of {}?", "Who is the mayor of {}?",
    "When was {} founded?", "How big is {}?", "Is {} worth a visit?", "What is the area code of {}?", "What can I see in {}?", "Do you know the capital of {}?", "How do I get to {}?",
    "Give me the capital of {}.", "I need the capital city of {}.", "Can you tell me the capital of {}?", "Which is {}'s capital?",
]
NOBODY = [
    "Who is {}?", "When was {} born?", "What did {} do?", "How old is {}?", "Where was {} born?", "Why is {} famous?", "Is {} still alive?", "Who is married to {}?",
    "What is the phone number of {}?", "Which prize did {} win?", "What books did {} write?", "Tell me about {}.", "How tall is {}?", "What does {} think about this?", "How rich is {}?",
]
SURNAMES = "Smith Miller Johnson Brown Garcia Kim Weber Rossi Novak Silva Dubois Jansen Larsen Petrov Tanaka Singh Okafor Haddad Cohen Murphy".split()
UNKNOWN_THINGS = [
    "What is a {}?", "Define {}.", "What does {} mean?", "What is the opposite of {}?", "Translate {} into French.", "How do you say {} in German?", "Who wrote {}?", "What color is {}?",
    "What is the chemical symbol for {}?", "What does {} stand for?", "What is {} in Spanish?", "Who is the author of {}?", "Who invented the {}?", "What is the past tense of {}?",
    "How do I use a {}?", "Is a {} an animal?", "What is a synonym of {}?", "What sound does a {} make?", "How do you say {} in Italian?", "Who painted {}?", "What is {}?", "What's {}?",
]
NOW = [
    "What is the weather today?", "What time is it?", "What is the date today?", "What is the news?", "Who won the game last night?", "What is the weather in {c}?", "What time is it in {c}?",
    "How is the traffic in {c}?", "What is the price of gold today?", "What is the stock price of {p}?", "Is the shop in {c} open now?", "When is the next train to {c}?", "Who won the election?",
    "What day is it today?", "Will it rain tomorrow?", "Which films are on tonight?", "What is the exchange rate of the dollar?", "What is my password?", "Where did I put my keys?", "What did I eat yesterday?",
    "Where am I right now?", "What is my favourite film?", "When is my meeting?", "What is the score?", "Find flights to {c}.", "Book a hotel in {c}.", "Send an email to {p}.", "Turn on the light.", "Play some music.", "Call {p}.",
]
ADVICE = [
    "Should I buy a {g} or a {h}?", "Which {g} is the best?", "How do I repair a {g}?", "How do I fix my {g}?", "What should I cook tonight?", "My head hurts, what should I do?", "Can I sue my landlord?", "How should I invest my money?",
    "Is it legal to record a phone call?", "What should I study?", "How do I lose weight?", "My dog is sick, what now?", "Which diet is the best?", "How do I get over a breakup?", "What gift should I buy for {p}?",
    "Plan a trip to {c} for five days.", "How do I write a CV?", "How can I earn more money?", "What should I wear to a wedding?", "How do I file my taxes?", "Recommend a good film.", "Recommend a {g} for under 200 dollars.",
    "Write an email to {p} about the {g}.", "Write a cover letter for a job as a pilot.", "What is the best way to learn to swim?", "How do I clean a {g}?", "Is the {g} worth its price?", "Which city is nicer, {c} or {d}?",
    "How long does it take to build a house?", "How do I convince {p} to stay?", "Tell me a story.", "Tell me a joke.", "Make me laugh.", "Write a short thank-you note.", "Sing a song.", "Tell me something interesting.", "What should I do today?",
]
LONG = [
    "Translate into French: {s}", "Translate this sentence into German: {s}", "Summarize this text: {s}", "Summarise in one sentence: {s}", "What is the main idea of this text? {s}", "Translate into Spanish: {s}",
    "Rewrite this in the style of Shakespeare: {s}", "What is wrong with this argument? {s}", "Continue this text: {s}", "Criticize this paragraph: {s}", "Make this text longer: {s}", "Translate to Chinese: {s}", "Explain what the author means: {s}",
    "Turn this into a poem: {s}", "Write a reply to this email: {s}",
]
SENTENCES = [
    "The museum will be closed next week because the roof is being repaired.", "We regret to inform you that your order has been delayed until further notice.",
    "The committee agreed that the proposal needs more work before the vote.", "In spite of the storm, the ships left the harbor at dawn.", "Prices rose faster than wages for the third year in a row.",
    "She opened the old box and found a letter that nobody had ever read.", "The new law forces companies to publish their emissions.", "Our engineers found that the fault lay in the cooling system.",
    "Although the results look promising, the sample was far too small.", "The river had changed its course twice since the village was built.", "Nobody expected the small team to win the final.",
]


def beyond(random: Random, split: str) -> Example:
    """A question to be passed on."""
    return ask("beyond it", _question(random, split), unsure(random), is_beyond=True)


def unsure(random: Random) -> str:
    return f"{UNSURE}. {random.choice(WHO)} {random.choice(MAY)} {random.choice(DO)}."


def _question(random: Random, split: str) -> str:
    kinds = [_open, _open, _code, _maths, _big, _big, _big, _place, _place, _place, _person, _thing, _thing, _now, _advice, _long, _noise]
    return random.choice(kinds)(random, split)


def _open(random: Random, split: str) -> str:
    return pick(random, OPEN, split).format(t=pick(random, TOPICS, split), u=pick(random, TOPICS, split))


def _code(random: Random, split: str) -> str:
    first, second = random.sample(LANGUAGES, 2)
    return pick(random, CODE, split).format(
        l=first, m=second, j=pick(random, JOBS, split), c=pick(random, SNIPPETS, split), e=pick(random, ERRORS, split), n=random.choice(PRODUCTS)
    )


def _maths(random: Random, split: str) -> str:
    return pick(random, MATHS, split).format(
        a=pick(random, CLAIMS, split), f=pick(random, CURVES, split), n=random.randint(2, 20), m=random.randint(2, 20), k=random.randint(20, 5000)
    )


def _big(random: Random, split: str) -> str:
    """Numbers larger than any lesson has, or three of them."""
    kind = random.random()
    size = random.randint(3, 7)
    left, right = random.randint(10**size, 10 ** (size + 1) - 1), random.randint(10, 10 ** (random.randint(2, size + 1)))
    if kind < 0.2:
        left, right = random.randint(100, 999), random.randint(100, 999)
        text = f"{left}{random.choice([' x ', ' * ', '*', ' times '])}{right}"
    elif kind < 0.35:
        text = f"{random.randint(100, 9999)}{random.choice([' / ', ' divided by '])}{random.randint(13, 99)}"
    elif kind < 0.45:
        text = f"{random.randint(2, 99)}.{random.randint(1, 99)}{random.choice([' x ', ' * ', ' + ', ' / '])}{random.randint(2, 99)}.{random.randint(1, 9)}"
    elif kind < 0.55:
        text = f"({random.randint(2, 99)} + {random.randint(2, 99)}) * ({random.randint(2, 99)} - {random.randint(2, 99)})"
    else:
        if random.random() < 0.3:
            left, right = right, left
        text = f"{left}{random.choice([' + ', ' - ', ' x ', ' * ', '*', '+', ' times ', ' plus ', ' minus ', ' / ', ' multiplied by '])}{right}"
    return pick(random, BIG, split).format(text)


def _place(random: Random, split: str) -> str:
    kind = random.random()
    if kind < 0.5:
        place = pick(random, PLACES, split)
    elif kind < 0.65:
        place = random.choice([city for city in CITIES if city not in CAPITALS])
    else:
        place = invented_name(random) + random.choice(["", "", "ia", "land", "stan", "burg", " Islands", "ville", " Province"])
    return pick(random, WHERE, split).format(place)


def _person(random: Random, split: str) -> str:
    surname = random.choice(SURNAMES) if random.random() < 0.6 else invented_name(random)
    first = random.choice(FIRST_NAMES) if random.random() < 0.7 else invented_name(random)
    return pick(random, NOBODY, split).format(f"{first} {surname}")


def _thing(random: Random, split: str) -> str:
    word = "".join(random.choice(SYLLABLES) for _ in range(random.randint(2, 4))) + random.choice(["", "r", "n", "x", "tion", "ment", "ism"])
    if random.random() < 0.4:
        word = pick(random, TOPICS, split)
    return pick(random, UNKNOWN_THINGS, split).format(word)


def _now(random: Random, split: str) -> str:
    return pick(random, NOW, split).format(c=random.choice(CITIES), p=any_name(random))


def _advice(random: Random, split: str) -> str:
    first, second = random.sample(PRODUCTS, 2)
    one, other = random.sample(CITIES, 2)
    return pick(random, ADVICE, split).format(g=first, h=second, c=one, d=other, p=any_name(random))


def _long(random: Random, split: str) -> str:
    text = pick(random, SENTENCES, split)
    if random.random() < 0.3:
        text += " " + pick(random, SENTENCES, split)
    return pick(random, LONG, split).format(s=text)


def _noise(random: Random, split: str) -> str:
    """Nothing that anybody can answer."""
    kind = random.random()
    if kind < 0.5:
        return " ".join("".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randint(2, 8))) for _ in range(random.randint(1, 4)))
    return " ".join(random.sample([*PRODUCTS, *(topic.split()[-1] for topic in TOPICS)], random.randint(2, 5))) + random.choice(["", "?", "."])
