/** What guards know of English. Words of other languages are in none of the lists, and so must be the same in both texts. */

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** Words that may come, go and change without changing what is asked. Everything else may not. */
export const LIGHT: ReadonlySet<string> = new Set(
  words(`a an the of is are am be been being was were do does did done will would shall can could should may might must
  to in on at for that this it its there which what who whom whose when where why how whether if
  please kindly just actually exactly really hi hello hey thanks thank ok okay so and any located situated`),
);

/** Beginnings that ask politely, or of nobody in particular; they are cut off, one after another. */
export const OPENINGS: readonly RegExp[] = [
  /^(hi|hello|hey|ok|okay|so|please|kindly|thanks|thank you)\b[ ,!.]*/,
  /^(can|could|would|will) you (please |kindly )?(?=tell|give|show|explain|describe|let|help|say|name|list|help)/,
  /^(please )?(tell|show|remind) (me|us)( about)?\b[ ,:]*/,
  /^(please )?give (me|us)\b[ ,:]*/,
  /^(please )?(explain|describe)( to (me|us))?\b[ ,:]*(?=(who|what|when|where|why|how|which)\b)/,
  /^(please )?let (me|us) know\b[ ,:]*/,
  /^help (me|us) (to )?(understand|find out|know)\b[ ,:]*/,
  /^(do|would) you (happen to )?know( to tell (me|us))?\b[ ,:]*/,
  /^(i|we)( would|'d)? (want|need|like|love) to (know|learn|find out|understand)( about)?\b[ ,:]*/,
  /^(i am|i'm|we are|we're|just) (wondering|curious|asking)( about)?\b[ ,:]*/,
  /^any idea\b[ ,:]*/,
];

/** Nobody in particular, behind a question word. */
export const ANYONE =
  /\b(how|what|where|when) (do|does|can|could|would|should|might) (i|you|we|one|someone|somebody|people)\b/g;

/** Phrases that are told apart from their words, and what they count as. Applied in order, to lower-case text. */
export const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bhow come\b/g, 'why'],
  [/\b(what is|what's|what are|what was|what were) (the )?reasons? (for|that|why|behind)\b/g, 'why'],
  [/\bfor what reason\b/g, 'why'],
  [/\b(in|at|on) (which|what) (place|location)\b/g, 'where'],
  [/\b(what is|what's|what was) the location of\b/g, 'where is'],
  [/\b(at )?what time\b/g, 'when'],
  [/\b(what is|what's) the (best |right |correct |proper |easiest |simplest )?way (to|of)\b/g, 'how to'],
  [/\b(what are|which are) the steps (to|for|of)\b/g, 'how to'],
  [/\bhow (tall|high) (is|are|was|were)\b/g, 'what is the height of'],
  [/\bhow old (is|are|was|were)\b/g, 'what is the age of'],
  [/\bhow heavy (is|are|was|were)\b/g, 'what is the weight of'],
  [/\bhow deep (is|are|was|were)\b/g, 'what is the depth of'],
  [/\bhow wide (is|are|was|were)\b/g, 'what is the width of'],
  [/\bhow long (is|are|was|were)\b/g, 'what is the length of'],
  [/\bhow far (is it|is)\b/g, 'what is the distance'],
  [/\bhow (big|large) is the population of\b/g, 'what is the population of'],
  [/\bwhat does (\S+(?: \S+)?) mean\b/g, 'what is the meaning of $1'],
  [/\bcapital city\b/g, 'capital'],
  [/\bcan ?not\b/g, 'can not'],
  [/\bwon't\b/g, 'will not'],
  [/\bshan't\b/g, 'shall not'],
  [/\b(\w+)n't\b/g, '$1 not'],
  [/\b(what|who|where|when|why|how|that|there|it|he|she|here)'s\b/g, '$1 is'],
  [/'(re|ve|ll|d|m)\b/g, ' '],
];

/** Groups of words that mean the same here; the first stands for all. */
const SYNONYMS: readonly string[][] = `
buy purchase | large big | start begin commence | repair fix mend | doctor physician | car automobile | film movie | delete remove erase
fast quick rapid | create make build | child kid children kids | picture photo image photograph | meaning mean definition define
write author written wrote writer | invent inventor invented | discover discoverer discovered | cost price costs prices | job occupation
method approach technique | bug defect | error mistake | happen occur | help assist aid | use utilise utilize using | change alter modify
answer reply | shop store | street road | cook prepare | healthy wholesome | ill sick | illness disease
reset restore | choose select pick | ask enquire inquire | finish complete end | show display | attempt try | important significant
country nation | university college | company firm | town village | teach instruct | leader head | founder founded
paint painted painter | compose composed composer | direct directed director | speak spoken talk | lawyer attorney | holiday vacation
difference differences differ | advantage benefit advantages benefits | disadvantage drawback drawbacks disadvantages | capital capitals`
  .split(/[|\n]/)
  .map(words)
  .filter((group) => group.length > 0);

/** Two ends of one scale: an answer to the one is none to the other. Each end is a list of words. */
const SCALES: readonly [string, string][] = [
  ['more greater bigger larger', 'less fewer smaller'],
  ['most maximum max maximal maximize maximise', 'least fewest minimum min minimal minimize minimise'],
  ['big large biggest largest huge', 'small little smallest tiny'],
  ['high higher highest', 'low lower lowest'],
  ['tall taller tallest', 'short shorter shortest'],
  ['long longer longest', 'brief'],
  ['fast faster fastest quick quicker quickest', 'slow slower slowest'],
  ['cheap cheaper cheapest inexpensive', 'expensive dear costly priciest'],
  ['good better', 'bad worse'],
  ['best', 'worst'],
  ['old older oldest', 'young younger youngest'],
  ['new newer newest latest', 'earliest'],
  ['hot hotter hottest warm warmer warmest', 'cold colder coldest cool'],
  ['strong stronger strongest', 'weak weaker weakest'],
  ['easy easier easiest simple', 'hard harder hardest difficult'],
  ['safe safer safest', 'dangerous unsafe risky'],
  ['before prior', 'after following'],
  ['first', 'last final'],
  ['previous past', 'next future upcoming'],
  ['above over', 'below under beneath'],
  ['up upward', 'down downward'],
  ['left', 'right'],
  ['inside indoor', 'outside outdoor'],
  ['north northern', 'south southern'],
  ['east eastern', 'west western'],
  ['increase raise rise grow gain', 'decrease reduce fall drop shrink'],
  ['start begin open', 'stop end close'],
  ['enable activate', 'disable deactivate'],
  ['add insert append', 'remove delete subtract'],
  ['install', 'uninstall'],
  ['import', 'export'],
  ['upload', 'download'],
  ['encrypt encode', 'decrypt decode'],
  ['lock', 'unlock'],
  ['buy purchase', 'sell'],
  ['borrow', 'lend'],
  ['win', 'lose'],
  ['accept', 'refuse reject decline'],
  ['allow permit', 'forbid prohibit ban'],
  ['include', 'exclude'],
  ['legal lawful', 'illegal unlawful'],
  ['possible', 'impossible'],
  ['true', 'false'],
  ['advantage benefit pro', 'disadvantage drawback con'],
  ['cause', 'effect'],
  ['input', 'output'],
  ['ascend ascending', 'descend descending'],
  ['push', 'pull'],
];

const toBase = (map: Map<string, string>, list: readonly string[], base: string): void => {
  for (const word of list) map.set(word, base);
};

/** The word that stands for each word of a group. */
export const SYNONYM_OF: ReadonlyMap<string, string> = (() => {
  const map = new Map<string, string>();
  for (const group of SYNONYMS) toBase(map, group, group[0] as string);
  return map;
})();

/** `scale+` or `scale-` of each word that is an end of a scale, named by the first word of the scale. */
export const POLE_OF: ReadonlyMap<string, string> = (() => {
  const map = new Map<string, string>();
  for (const [high, low] of SCALES) {
    const name = words(high)[0] as string;
    toBase(map, words(high), `${name}+`);
    toBase(map, words(low), `${name}-`);
  }
  return map;
})();

export const NEGATIONS: ReadonlySet<string> = new Set(
  words('not no never without except excluding none nothing nobody neither nor nowhere hardly barely unless instead'),
);

/** Words that an opposite is made of by these beginnings, where what is left is long enough to be a word. */
export const NEGATING_PREFIX = /^(un|in|im|ir|il|non|dis|anti|mis)-?(?=[a-z]{4,})/;
/** Such beginnings that are none. */
export const NOT_NEGATED =
  /^(under|until|uni|unless|union|into|inter|inside|install|instead|inst|india|indo|indi|infl|info|inf|inv|inc|ing|ini|inn|ins|int|input|inquir|ind|inh|image|imag|immig|immed|impor|impl|impr|impa|imp|iran|iraq|irel|iris|iron|irr|ill|dish|disk|disc|disp|dist|disn|diss|dise|mission|miss|mist|mister|antiq|nonst)/;

export const PRONOUN_OF: ReadonlyMap<string, string> = new Map(
  `i:i me:i my:my mine:my myself:i you:you your:your yours:your we:we us:we our:our he:he him:he his:his she:she her:her they:they
   them:they their:their`
    .split(/\s+/)
    .map((pair) => pair.split(':') as [string, string]),
);

export const NUMBER_WORDS: ReadonlyMap<string, number> = new Map(
  words(
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
  ).map((word, value) => [word, value]),
);
export const TENS: ReadonlyMap<string, number> = new Map(
  words('twenty thirty forty fifty sixty seventy eighty ninety').map((word, index) => [word, (index + 2) * 10]),
);
export const MULTIPLES: ReadonlyMap<string, number> = new Map([
  ['hundred', 100],
  ['thousand', 1_000],
  ['million', 1_000_000],
  ['billion', 1_000_000_000],
  ['dozen', 12],
]);
export const ORDINALS: ReadonlyMap<string, number> = new Map(
  words('second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth').map((word, index) => [
    word,
    index + 2,
  ]),
);

const unitTable = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split(/[|\n]/)
      .map(words)
      .flatMap((group) => group.map((word) => [word, group[0] as string] as const)),
  );

export const UNIT_OF =
  unitTable(`km kilometre kilometres kilometer kilometers | m metre metres meter meters | cm centimetre centimetres centimeter centimeters
mm millimetre millimetres millimeter millimeters | mile miles mi | foot feet ft | inch inches | yard yards | kg kilogram kilograms kilo kilos
g gram grams | mg milligram milligrams | lb lbs | oz ounce ounces | tonne tonnes ton tons | l litre litres liter liters
ml millilitre millilitres milliliter milliliters | gallon gallons | cup cups | tablespoon tablespoons tbsp | teaspoon teaspoons tsp
celsius °c | fahrenheit °f | kelvin | ms millisecond milliseconds | sec secs seconds | minute minutes mins | hour hours hrs
day days | week weeks | month months | year years | decade decades | century centuries | percent % percentage | kb kilobyte kilobytes
mb megabyte megabytes | gb gigabyte gigabytes | tb terabyte terabytes | bit bits | byte bytes | watt watts kw kilowatt | kwh | volt volts
mph | kph kmh km/h | acre acres | hectare hectares | degree degrees | calorie calories kcal | bar | psi | hz | ghz | mhz`);

export const CURRENCY_OF =
  unitTable(`usd $ dollar dollars | eur € euro euros | gbp £ sterling pound pounds | jpy ¥ yen | inr ₹ rupee rupees | chf franc francs
cny yuan renminbi | btc bitcoin bitcoins | cent cents | peso pesos | ruble rubles rouble roubles`);

export const DATE_OF =
  unitTable(`january jan | february feb | april apr | june jun | july jul | august aug | september sept sep | october oct | november nov
december dec | monday mon | tuesday tue tues | wednesday wed | thursday thu thurs | friday fri | saturday sat | sunday sun
today | tomorrow | yesterday | tonight | morning | afternoon | evening | night | noon midday | midnight | weekend | now currently
spring | summer | autumn | winter | christmas | easter | am a.m. | pm p.m. | q1 | q2 | q3 | q4 | ago | bc bce | ad ce | current`);
