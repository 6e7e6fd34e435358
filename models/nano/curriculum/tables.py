"""Names and things that lessons are built from."""

FIRST_NAMES = (
    "Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Victor Wendy "
    "Yusuf Zoe Alice Bob Carol Daniel Eva Frank Hannah Ivan Julia Karl Laura Max Nora Omar Peter Ruth Simon Tom Uma "
    "Vera Will Aisha Carlos Diego Fatima Hugo Ines Jonas Kenji Lena Mia Noah Olga Priya Ravi Sofia Theo Mary John "
    "James Linda Susan Robert Michael Sarah Lisa Mark George Helen Ali Chen Mei Raj Amir Lucas Elena Marco"
).split()
CITIES = (
    "Paris London Berlin Rome Madrid Vienna Tokyo Cairo Oslo Dublin Boston Chicago Seattle Denver Lyon Munich Milan "
    "Naples Geneva Zurich Lisbon Porto Athens Prague Warsaw Krakow Helsinki Stockholm Bergen Glasgow Leeds Bristol "
    "Toronto Montreal Vancouver Sydney Perth Lima Bogota Quito Santiago Delhi Mumbai Seoul Osaka Beijing Shanghai "
    "Nairobi Lagos Accra Tunis Hamburg Cologne Dallas Austin Miami Phoenix Houston"
).split()
ITEMS = (
    "apples pears books pens coins cards stamps eggs cookies balls oranges pencils flowers marbles toys shells cups "
    "chairs tickets shirts keys lemons bottles candles"
).split()
PRODUCTS = (
    "laptop phone lamp chair desk book printer camera kettle bicycle jacket umbrella backpack keyboard monitor mouse "
    "toaster blender guitar tent sofa carpet mirror clock radio tablet headset charger vase pillow"
).split()
UNITS = "km kg m cm liters grams hours minutes meters miles pounds dollars euros days seconds".split()
WORDS = (
    "apple bread chair dog eagle fish garden house island jacket kitchen lemon money night orange paper queen river "
    "school table uncle village water yellow zebra baby cat door egg farm green hand ice juice king lamp moon nose "
    "ocean pencil rain sun tree under window year animal bottle candle dream engine flower giraffe honey insect jungle "
    "kitten letter mother number office planet rabbit summer tiger umbrella violin winter butter coffee doctor family "
    "friend happy heart horse music small street sugar teacher train world bird black blue book brother car city cloud "
    "cold cow day earth fire food glass gold grass hair hat hill hot key knife leaf light milk mouse name plant road "
    "salt sand sea ship shoe silver sister sky snow star stone storm tea time tooth town wall wind wood"
).split()
SYLLABLES = "ba be bo da do fa fi ga go ka ko la le li lo ma mi mo na ne no pa po ra re ri ro sa se so ta te ti to va ve vi za zo".split()
CONSONANTS = "b c d f g h j k l m n p r s t v w z".split()


def invented_name(random) -> str:
    """A name that nobody has, such as `Bolirak`."""
    body = "".join(random.choice(SYLLABLES) for _ in range(random.randint(2, 3)))
    return (random.choice(CONSONANTS + [""] * 6) + body + random.choice(CONSONANTS + [""] * 12)).capitalize()


def any_name(random) -> str:
    """A first name, in a third of cases an invented one, so that names are copied and not guessed."""
    return invented_name(random) if random.random() < 0.35 else random.choice(FIRST_NAMES)


def any_city(random) -> str:
    """As `any_name`, of cities."""
    return invented_name(random) if random.random() < 0.3 else random.choice(CITIES)
