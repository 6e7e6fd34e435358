import type { ChatCompletion } from '../contract/openai.ts';
import type { CachePlace } from './cache-key.ts';
import type { CacheStore, StoredAnswer } from './cache-store.ts';
import { chanceRight, shareServed } from './learned-threshold.ts';
import { differingGuards, factsOfQuestion, GUARDS, type Guard, OVERRULED } from './question-facts.ts';
import type { SemanticFigures } from './semantic-figures.ts';
import type { SemanticQuestion } from './semantic-question.ts';
import type { SemanticEntry, SemanticStore } from './semantic-store.ts';
import type { ServedSimilar } from './served-similar.ts';

/** How near a question was, and what was found to agree; `verifier` among it where it was asked. */
export type Similar = { similarity: number; guards: string[] };
/** The answer to a question that means the same, and where the exact cache has it. */
export type SimilarAnswer = Similar & { place: CachePlace; answer: StoredAnswer };

export type SemanticRule = {
  /** The route's name. */
  route: string;
  /** How long an answer is fresh, and its question may lead to it. */
  lifeMs: number;
  minSimilarity: number;
  /** From here on the verifier is not asked where all guards agree. */
  sureSimilarity: number;
  verify: boolean;
  maxErrorRate: number;
  /** Part of the hits that the model answers all the same, so that entries are checked. */
  checkShare: number;
};

export type SemanticParts = {
  store: SemanticStore;
  cache: Pick<CacheStore, 'get'>;
  served: ServedSimilar;
  figures: SemanticFigures;
  random(): number;
  /** Vectors of length 1, in the order of the texts; null where there are none in time. Never rejects. */
  embed(texts: string[]): Promise<Float32Array[] | null>;
  /** Whether a model is sure that two questions have the same answer. Never rejects. */
  isSame(one: string, other: string): Promise<boolean>;
};

/** Neighbours that are looked at: the nearest are often those that differ in a number or a name. */
const NEIGHBOURS = 64;
/** Texts of answers are compared up to here. */
const COMPARED_CHARACTERS = 1_000;
/** From here on two answers to one question say the same, where their numbers agree. */
const SAME_ANSWER = 0.9;

type Check = { entry: SemanticEntry; similarity: number; answer: StoredAnswer };
/** What may be served; where a guard differs, the verifier has the say. */
type Found = Check & { differing: Guard[] };

/** The search of one request for an answer that was given to the same question in other words. */
export class SemanticLookUp {
  readonly #requestId: string;
  readonly #read: () => SemanticQuestion | null;
  readonly #rule: SemanticRule;
  readonly #parts: SemanticParts;
  #question: SemanticQuestion | null = null;
  #vector: Float32Array | null = null;
  #check: Check | null = null;

  /** @param read what of the request may be compared, if anything: not asked where the exact cache has the answer. */
  constructor(requestId: string, read: () => SemanticQuestion | null, rule: SemanticRule, parts: SemanticParts) {
    this.#requestId = requestId;
    this.#read = read;
    this.#rule = rule;
    this.#parts = parts;
  }

  /**
   * The nearest answered question that every guard lets pass, or with a verifier every guard but those that it may
   * overrule; near enough after all that was observed of it, and agreed to by the verifier where it is asked. Null as well
   * where the model is to be asked to check the entry.
   * @param isAllowed whether the client may have an answer of that age. Never rejects.
   */
  async find(isAllowed: (answer: StoredAnswer) => boolean): Promise<SimilarAnswer | null> {
    const { store, embed, random, isSame } = this.#parts;
    const { minSimilarity, sureSimilarity, verify, checkShare } = this.#rule;
    const question = this.#read();
    if (question === null) return null;
    this.#question = question;
    this.#vector = (await embed([question.text]))?.[0] ?? null;
    if (this.#vector === null) return this.#none('no-embedding');
    const options = { minSimilarity, count: NEIGHBOURS };
    const near = await store.nearest(question.partition, this.#vector, options);
    if (near.length === 0) return this.#none('nothing-near');
    const found = await this.#agreeing(question, near, isAllowed);
    if (found === null) return null;
    const { entry, similarity, answer, differing } = found;
    const isAsked = verify && (differing.length > 0 || similarity < sureSimilarity);
    if (isAsked && !(await isSame(entry.text, question.text))) return this.#none('verifier');
    const chance = chanceRight(similarity, entry.observations, this.#rule);
    if (random() >= shareServed(chance, this.#rule) * (1 - checkShare)) {
      this.#check = found;
      return this.#none('checked');
    }
    this.#note('hit');
    this.#serves(question, entry.place.key, similarity);
    const guards = [...GUARDS.filter((guard) => !differing.includes(guard)), ...(isAsked ? ['verifier'] : [])];
    return { similarity, guards, place: entry.place, answer };
  }

  /**
   * Adds the question, now that the exact cache has its answer at `place`, and notes what a check showed. Without effect
   * where nothing was looked for. Never rejects.
   */
  async keep(place: CachePlace, completion: ChatCompletion): Promise<void> {
    const question = this.#question;
    const { store } = this.#parts;
    // Calls are made for one question's own words.
    if (question === null || this.#vector === null || completion.choices.some(({ message }) => message.tool_calls))
      return;
    const { partition, text, facts } = question;
    if (this.#check !== null) {
      const { entry, similarity, answer } = this.#check;
      const isRight = await this.#isSameAnswer(answer.completion, completion);
      this.#note(isRight ? 'check-right' : 'check-wrong');
      await store.observe(partition, entry.place.key, { similarity, isRight });
    }
    await store.add(partition, this.#vector, { place, facts, text, observations: [] }, this.#rule.lifeMs);
    this.#serves(question, place.key, null);
  }

  async #agreeing(
    question: SemanticQuestion,
    near: { entry: SemanticEntry; similarity: number }[],
    isAllowed: (answer: StoredAnswer) => boolean,
  ): Promise<Found | null> {
    const { store, cache } = this.#parts;
    const compared = near.map((each) => ({ ...each, differing: differingGuards(each.entry.facts, question.facts) }));
    const agreeing = compared.filter(({ differing }) => differing.length === 0);
    const doubtful = compared.filter(
      ({ differing }) => this.#rule.verify && differing.length > 0 && differing.every((guard) => OVERRULED.has(guard)),
    );
    for (const { entry, similarity, differing } of [...agreeing, ...doubtful]) {
      const answer = await cache.get(entry.place);
      if (answer === null) await store.remove(question.partition, entry.place.key);
      else if (isAllowed(answer)) return { entry, similarity, answer, differing };
    }
    const [guard] = compared[0]?.differing ?? [];
    return this.#none(guard === undefined ? 'answer-gone' : `guard-${guard}`);
  }

  /** The same words, or much the same meaning with the same numbers. */
  async #isSameAnswer(one: ChatCompletion, other: ChatCompletion): Promise<boolean> {
    const [a, b] = [spoken(one), spoken(other)];
    if (a === b) return true;
    if (a === '' || b === '' || factsOfQuestion(a).numbers !== factsOfQuestion(b).numbers) return false;
    const vectors = await this.#parts.embed([a, b]);
    if (vectors === null) return false;
    const [left, right] = vectors as [Float32Array, Float32Array];
    return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0) >= SAME_ANSWER;
  }

  #serves({ partition }: SemanticQuestion, key: string, similarity: number | null): void {
    // Nobody waits for it: feedback comes later than the answer.
    void this.#parts.served.note(this.#requestId, { partition, key, similarity });
  }

  #none(outcome: string): null {
    this.#note(outcome);
    return null;
  }

  #note(outcome: string): void {
    this.#parts.figures.note(this.#rule.route, outcome);
  }
}

const spoken = ({ choices }: ChatCompletion): string =>
  choices
    .map(({ message }) => (typeof message.content === 'string' ? message.content : ''))
    .join('\n')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .slice(0, COMPARED_CHARACTERS);
