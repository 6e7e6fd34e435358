/**
 * Words that say what kind of work a prompt asks for, in English, German, French, Spanish and Chinese. Written by hand;
 * how much each list matters is learnt. A trailing `~` also adds the English forms in -s, -ed and -ing.
 */
const WORDS = {
  hardTask:
    'prove~ derive~ refactor~ debug~ optimize~ optimise~ architect~ design~ redesign~ implement~ formalize~ formalise~ ' +
    'generalize~ generalise~ diagnose~ reconcile~ synthesize~ critique~ migrate~ investigate~ troubleshoot~ ' +
    'parallelize~ scale~ audit~ model~ simulate~ verify~ rigorous rigorously proof root-cause trade-offs tradeoffs ' +
    'end-to-end architecture roadmap strategy comprehensive detailed thorough beweise beweisen entwirf entwickle ' +
    'refaktoriere optimiere herleiten démontre démontrer démontrez prouve prouver concevoir conçois optimise demuestra ' +
    'leite herleitung löse widerlege demostrar diseña diseñar optimiza refactoriza deduce justifica begründe justifie',
  lookup:
    'capital spell~ define~ definition meaning synonym synonyms antonym antonyms plural weather time date year old tall ' +
    'population currency color colour convert~ hauptstadt bedeutet wetter heißt capitale signifie couleur significa hora',
  greeting:
    'hello hi hey thanks thank bye goodbye morning evening cheers lol welcome hallo danke tschüss guten bonjour salut ' +
    'merci hola gracias adiós buenos buenas',
  transform:
    'translate~ translation summarize~ summarise~ summary rewrite~ rephrase~ paraphrase~ proofread~ correct~ shorten~ ' +
    'classify~ extract~ reformat~ capitalize~ sort~ sentiment grammar übersetze übersetzen zusammenfassen fasse ' +
    'korrigiere traduis traduire résume corrige traduce traducir resume resumir',
  creative:
    'story poem essay haiku song lyrics joke slogan tweet caption email letter blog post recipe birthday tagline',
  reasoning:
    'why how explain~ because justify~ analyze~ analyse~ analysis evaluate~ compare~ contrast~ assess~ argue~ reason ' +
    'reasoning step steps consider~ determine~ infer~ imply~ implies conclude~ warum wieso erkläre pourquoi explique ' +
    'expliquer porqué explica analiza analysiere compara',
  constraint:
    'must should exactly only without ensure~ include~ require~ requirement requirements constraint constraints avoid~ ' +
    'keep preserve~ within maximum minimum limit unless except respectively satisfy~ guarantee~ muss müssen ohne ' +
    'mindestens höchstens doit sans exactement debe sin exactamente',
  logic:
    'if then every all each any some none either neither both whether suppose assume given let such exists unique ' +
    'therefore hence implies iff necessarily possible',
  comparison:
    'more less than most least greater larger smaller higher lower greatest largest smallest best worst between',
  negation:
    'not no never none cannot nor false incorrect wrong isn doesn don didn won without except kein nicht pas sin',
  factual: 'who when where which what wer wann wo was qui quand où quel quelle quién cuándo dónde cuál qué',
  quantity:
    'one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty hundred half twice double triple ' +
    'third quarter dozen once zwei drei vier fünf zehn halb doppelt deux trois quatre cinq dix moitié dos tres cuatro cinco ' +
    'diez mitad doble',
  operation:
    'each every per times total altogether left remaining rest fewer percent discount increase~ decrease~ split divide~ ' +
    'share~ equally average cost~ after before another additional combined spend~ buy~ earn~ jeder jede übrig insgesamt ' +
    'chaque reste cada total quedan',
  mathematics:
    'equation equations function functions integral derivative polynomial matrix vector prime primes integer integers ' +
    'probability theorem lemma triangle circle angle radius perpendicular sum product ratio modulo divisible sequence ' +
    'series convergence converges continuous random variance eigenvalue eigenvalues group ring field graph vertices ' +
    'inequality root roots real complex solve~ evaluate~ compute~ calculate~ expected coefficient logarithm permutation ' +
    'permutations combinatorial asymptotic bijection gleichung primzahlen équation nombres premiers ecuación primos',
  science:
    'energy mass velocity force pressure temperature heat current voltage charge electron electrons atom atoms molecule ' +
    'reaction acid solution enthalpy entropy frequency wavelength magnetic electric friction acceleration density gas ' +
    'protein gene dna cell cells enzyme kg mol joules watts circuit resistor load beam flow fluid steam adiabatic nm ' +
    'concentration equilibrium oxidation quantum photon particle particles orbital isotope species membrane neurons',
  programming:
    'code python javascript typescript java rust golang sql regex api class classes method methods function functions ' +
    'program algorithm array list string loop recursion thread threads async database query queries index server ' +
    'docker kubernetes git test tests unit bug bugs exception stack compile memory cache latency concurrency deadlock ' +
    'mutex schema endpoint endpoints library framework react node css html bash deploy microservices distributed kafka ' +
    'postgres redis race idempotent transaction transactions def return import const var let void int',
  professional:
    'contract clause clauses liability indemnification legal regulation compliance gdpr tax valuation revenue ebitda ' +
    'stakeholders stakeholder budget budgets risk risks kpi forecast patients patient differential treatment diagnosis ' +
    'policy policies governance negotiation hypothesis methodology literature statistical confounders regression ' +
    'vertrag klausel haftung contrat contrato cláusula responsabilité',
} as const;

/** The same idea for phrases and for scripts without spaces: these are looked for as substrings, in lower case. */
export const PHRASES: [WordKind, string[]][] = [
  ['hardTask', ['show that', 'find all', 'with proof', 'from scratch', 'zeige, dass', 'montre que', 'montrer que']],
  ['hardTask', ['证明', '推导', '设计', '重构', '调试', '优化', '实现', '架构', '详细', '方案', '設計', '証明']],
  ['lookup', ['首都', '是什么意思', '怎么读', '几点', '天气', '是谁', '哪里']],
  ['greeting', ['你好', '谢谢', '早上好', '再见', 'こんにちは', 'ありがとう']],
  ['transform', ['翻译', '总结', '改写', '缩短', '翻訳', '要約']],
  ['reasoning', ['为什么', '分析', '解释', '比较', '论证', '说明']],
  ['constraint', ['必须', '不能', '至少', '至多', '要求', '保证']],
  ['mathematics', ['方程', '素数', '概率', '矩阵', '函数', '定理', '整数']],
  ['programming', ['代码', '程序', '数据库', '线程', '算法', '并发', '接口']],
  ['professional', ['合同', '条款', '责任', '风险', '法律']],
];

export type WordKind = keyof typeof WORDS;
export const WORD_KINDS = Object.keys(WORDS) as WordKind[];

/** What each word list stands for, as the model card and explanations put it. */
export const KIND_MEANINGS: Record<WordKind, string> = {
  hardTask: 'verbs and nouns of demanding work (prove, refactor, design, …)',
  lookup: 'words of simple look-ups (capital, spell, meaning, …)',
  greeting: 'greetings and thanks',
  transform: 'work on a given text (translate, summarise, rewrite, classify, …)',
  creative: 'kinds of short writing (story, email, poem, …)',
  reasoning: 'words that ask for reasons (why, explain, compare, …)',
  constraint: 'constraints (must, exactly, without, ensure, …)',
  logic: 'logical words and quantifiers (if, every, suppose, …)',
  comparison: 'comparisons (more, than, largest, …)',
  negation: 'negations (not, never, except, …)',
  factual: 'words that open factual questions (who, when, which, …)',
  quantity: 'numbers written as words (two, half, dozen, …)',
  operation: 'words of reckoning (each, per, left, total, …)',
  mathematics: 'terms of mathematics',
  science: 'terms of physics, chemistry and biology',
  programming: 'terms of programming',
  professional: 'terms of law, business and medicine',
};

/** The English forms of a verb, right for most regular ones; a form that no one writes does no harm. */
const inflect = (verb: string): string[] => {
  const stem = verb.replace(/[ey]$/, '');
  return [verb, `${verb}s`, `${stem}ies`, `${stem}ed`, `${stem}ied`, `${stem}ing`, `${verb}ing`];
};

/** Lower-case word to the kinds it belongs to, as indexes into `WORD_KINDS`. */
export const KINDS_OF_WORD: ReadonlyMap<string, number[]> = (() => {
  const kinds = new Map<string, number[]>();
  WORD_KINDS.forEach((kind, index) => {
    for (const entry of WORDS[kind].split(' ')) {
      for (const word of entry.endsWith('~') ? inflect(entry.slice(0, -1)) : [entry]) {
        const known = kinds.get(word) ?? [];
        if (!known.includes(index)) kinds.set(word, [...known, index]);
      }
    }
  });
  return kinds;
})();
