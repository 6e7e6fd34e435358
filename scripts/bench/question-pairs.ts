/** Two questions: in other words (`paraphrase`), or alike with another answer. */
export type QuestionPair = {
  kind: 'paraphrase' | 'number' | 'negation' | 'name' | 'order' | 'date' | 'unit' | 'opposite' | 'other';
  one: string;
  other: string;
};

const COUNTRIES = ['France', 'Spain', 'Japan', 'Brazil', 'Canada', 'Egypt', 'Norway', 'Kenya', 'Peru', 'Poland'];
const LANGUAGES = ['Python', 'JavaScript', 'Java', 'Rust', 'Ruby', 'Go', 'Kotlin', 'Swift', 'Scala', 'Haskell'];
const FOODS = [
  'raw eggs',
  'sushi',
  'green potatoes',
  'moldy cheese',
  'uncooked rice',
  'raw honey',
  'apple seeds',
  'tofu',
  'wild mushrooms',
  'raw milk',
];
const THINGS = ['tea', 'coffee', 'butter', 'margarine', 'gold', 'silver', 'wood', 'plastic', 'cotton', 'wool'];
const MONTHS = ['January', 'February', 'March', 'April', 'June', 'July', 'August', 'September', 'October', 'November'];
const UNITS = [
  'miles',
  'kilometers',
  'inches',
  'centimeters',
  'feet',
  'meters',
  'pounds',
  'kilograms',
  'liters',
  'gallons',
];

/** Made from templates, always the same: 220 paraphrases and 270 near-misses. Some paraphrases use words that guards do not know. */
export const questionPairs = (): QuestionPair[] => {
  const pairs: QuestionPair[] = [];
  const add = (kind: QuestionPair['kind'], one: string, other: string) => pairs.push({ kind, one, other });
  for (let i = 0; i < 10; i++) {
    const at = (list: string[], step = 0) => list[(i + step) % list.length] as string;
    const [country, second] = [at(COUNTRIES), at(COUNTRIES, 1)];
    const [language, food, thing, rival] = [at(LANGUAGES), at(FOODS), at(THINGS), at(THINGS, 1)];
    const [month, unit] = [at(MONTHS), at(UNITS)];
    const number = 12 + i * 7;

    add('paraphrase', `What is the capital of ${country}?`, `Can you tell me the capital city of ${country}?`);
    add('paraphrase', `What is the capital of ${country}?`, `Which city is ${country}'s capital?`);
    add('paraphrase', `What is the population of ${country}?`, `How many people live in ${country}?`);
    add('paraphrase', `What is the population of ${country}?`, `Please tell me ${country}'s population.`);
    add('paraphrase', `How do I sort a list in ${language}?`, `In ${language}, how can I sort a list?`);
    add('paraphrase', `How do I sort a list in ${language}?`, `What is the best way to sort a list in ${language}?`);
    add('paraphrase', `How do I sort a list in ${language}?`, `Show me list sorting in ${language}`);
    add('paraphrase', `How can I read a file in ${language}?`, `how to read a file in ${language}`);
    add('paraphrase', `How can I read a file in ${language}?`, `I want to know how to read files in ${language}`);
    add('paraphrase', `Is it safe to eat ${food}?`, `Can I safely eat ${food}?`);
    add('paraphrase', `Is it safe to eat ${food}?`, `Is eating ${food} safe?`);
    add('paraphrase', `Is it safe to eat ${food}?`, `Hi, is it safe to eat ${food}, please?`);
    add('paraphrase', `Why is ${thing} so expensive?`, `What is the reason that ${thing} is so expensive?`);
    add('paraphrase', `Why is ${thing} so expensive?`, `How come ${thing} is so costly?`);
    add('paraphrase', `Is ${thing} better than ${rival}?`, `Do you know if ${thing} is better than ${rival}?`);
    add('paraphrase', `Is ${thing} better than ${rival}?`, `Than ${rival}, is ${thing} better?`);
    add('paraphrase', `Where is ${country} located?`, `What is the location of ${country}?`);
    add(
      'paraphrase',
      `What is the weather like in ${country} in ${month}?`,
      `What's the weather like in ${country} in ${month}?`,
    );
    add(
      'paraphrase',
      `What is the weather like in ${country} in ${month}?`,
      `In ${month}, what is the weather like in ${country}?`,
    );
    add('paraphrase', `How many ${unit} are ${number} yards?`, `how many ${unit} is ${number} yards`);
    add('paraphrase', `How many ${unit} are ${number} yards?`, `Convert ${number} yards to ${unit}`);
    add('paraphrase', `Who won the election in ${country}?`, `Who was the winner of the election in ${country}?`);

    add('number', `How many ${unit} are ${number} yards?`, `How many ${unit} are ${number + 1} yards?`);
    add('number', `What is ${number} percent of ${number * 3}?`, `What is ${number + 2} percent of ${number * 3}?`);
    add('number', `How do I use ${language} version ${i + 2}?`, `How do I use ${language} version ${i + 3}?`);
    add('number', `List the top ${number} exports of ${country}`, `List the top ${number + 10} exports of ${country}`);
    add('negation', `Is it safe to eat ${food}?`, `Is it not safe to eat ${food}?`);
    add('negation', `Why should I use ${language}?`, `Why shouldn't I use ${language}?`);
    add('negation', `Give me a recipe with ${food}`, `Give me a recipe without ${food}`);
    add('negation', `Which people should eat ${food}?`, `Which people should never eat ${food}?`);
    add('name', `What is the capital of ${country}?`, `What is the capital of ${second}?`);
    add('name', `How do I sort a list in ${language}?`, `How do I sort a list in ${at(LANGUAGES, 1)}?`);
    add('name', `Why is ${thing} so expensive?`, `Why is ${rival} so expensive?`);
    add('name', `who is the president of ${country.toLowerCase()}`, `who is the president of ${second.toLowerCase()}`);
    add('order', `Is ${thing} better than ${rival}?`, `Is ${rival} better than ${thing}?`);
    add(
      'order',
      `What is a cheap flight from ${country} to ${second}?`,
      `What is a cheap flight from ${second} to ${country}?`,
    );
    add(
      'order',
      `How do I translate ${language} to ${at(LANGUAGES, 1)}?`,
      `How do I translate ${at(LANGUAGES, 1)} to ${language}?`,
    );
    add('order', `Did ${country} beat ${second}?`, `Did ${second} beat ${country}?`);
    add(
      'date',
      `What is the weather like in ${country} in ${month}?`,
      `What is the weather like in ${country} in ${at(MONTHS, 1)}?`,
    );
    add('date', `What happened in ${country} in ${1950 + i}?`, `What happened in ${country} in ${1951 + i}?`);
    add('date', `Is the bank in ${country} open today?`, `Is the bank in ${country} open tomorrow?`);
    add('unit', `How many ${unit} are ${number} yards?`, `How many ${at(UNITS, 1)} are ${number} yards?`);
    add('unit', `How much is ${number} dollars in ${country}?`, `How much is ${number} euros in ${country}?`);
    add('opposite', `What is the cheapest hotel in ${country}?`, `What is the most expensive hotel in ${country}?`);
    add('opposite', `How do I encrypt a file in ${language}?`, `How do I decrypt a file in ${language}?`);
    add('opposite', `Should I drink ${thing} before running?`, `Should I drink ${thing} after running?`);
    add('opposite', `What is the largest lake in ${country}?`, `What is the smallest lake in ${country}?`);
    add('opposite', `Who is the king of ${country}?`, `Who was the king of ${country}?`);
    add('opposite', `What are the advantages of ${thing}?`, `What are the disadvantages of ${thing}?`);
  }
  return pairs;
};
