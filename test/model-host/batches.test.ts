import { setImmediate as nextTurn } from 'node:timers/promises';
import { getLlama, type LlamaContext, type LlamaContextSequence, LlamaLogLevel, type Token } from 'node-llama-cpp';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Batches } from '../../src/model-host/batches.ts';
import { loadEngine } from '../../src/model-host/engine.ts';
import { type Internals, internalsOf } from '../../src/model-host/engine-internals.ts';
import { TokenSource, type TokenSourceOptions } from '../../src/model-host/token-source.ts';
import { untrainedNanoFile } from './support/test-models.ts';

const PLACES = 4;
let context: LlamaContext;
let internals: Internals;
let sequences: LlamaContextSequence[];
/** Tokens in each batch that the engine was given, and how many batches it computes at this moment. */
let sizes: number[] = [];
let computing = 0;

beforeAll(async () => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: untrainedNanoFile() });
  context = await model.createContext({ contextSize: 256, sequences: PLACES });
  internals = internalsOf(model, context);
  sequences = Array.from({ length: PLACES }, () => context.getSequence());
  const engine = internals.context._ctx;
  const [initBatch, decodeBatch] = [engine.initBatch.bind(engine), engine.decodeBatch.bind(engine)];
  const watch = (name: 'initBatch' | 'decodeBatch', value: unknown) => Object.defineProperty(engine, name, { value });
  watch('initBatch', (size: number) => {
    sizes.push(size);
    initBatch(size);
  });
  watch('decodeBatch', async () => {
    computing++;
    await decodeBatch().finally(() => computing--);
  });
  return () => llama.dispose();
});

afterEach(async () => {
  sizes = [];
  for (const sequence of sequences) await sequence.clearHistory();
});

const TOKENS = 12;
const sampling = { temperature: 1, topP: 1, topK: 0, minP: 0, frequencyPenalty: 0, presencePenalty: 0, seed: 7 };

const createSource = async (batches: Batches, place: number, options: Partial<TokenSourceOptions> = {}) =>
  new TokenSource({
    engine: await loadEngine('', 'off'),
    model: context.model,
    ...{ internals, batches, place, sampling, sequence: sequences[place]! },
    unread: context.model.tokenize(`Prompt ${place}`),
    ...{ scoredTokens: 0, maxTokens: TOKENS, isSteady: true, signal: new AbortController().signal },
    ...options,
  });

const write = async (batches: Batches, place: number, options?: Partial<TokenSourceOptions>): Promise<Token[]> => {
  const leave = batches.join();
  const source = await createSource(batches, place, options);
  const tokens: Token[] = [];
  while (tokens.length < TOKENS) tokens.push((await source.next()).token);
  leave();
  await source.end();
  return tokens;
};

test('answers that are written at the same time are computed together, and each is as it would be alone', async () => {
  const alone: Token[][] = [];
  for (const place of [0, 1, 2, 3]) alone.push(await write(new Batches({ internals, isSerial: false }), place));
  for (const sequence of sequences) await sequence.clearHistory();
  sizes = [];
  const batches = new Batches({ internals, isSerial: false });
  expect(await Promise.all([0, 1, 2, 3].map((place) => write(batches, place)))).toEqual(alone);
  // The first reads the prompts.
  expect(sizes.slice(1)).toEqual(Array.from({ length: TOKENS - 1 }, () => PLACES));
});

test('the engine is never further ahead than one token, and not at all where the answer may turn', async () => {
  for (const isSteady of [true, false]) {
    sizes = [];
    const batches = new Batches({ internals, isSerial: false });
    const unread = context.model.tokenize('If the');
    const source = await createSource(batches, 0, { isSteady, unread, sampling: { ...sampling, temperature: 0 } });
    expect(context.model.isEogToken((await source.next()).token)).toBe(false);
    await source.end();
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(sizes).toHaveLength(isSteady ? 2 : 1);
    await sequences[0]!.clearHistory();
  }
});

test('a score changes no token, with penalties and without', async () => {
  for (const frequencyPenalty of [0, 1.5]) {
    const settings = { sampling: { ...sampling, temperature: 0.8, topP: 0.9, frequencyPenalty } };
    const batches = new Batches({ internals, isSerial: false });
    const plain = await write(batches, 0, settings);
    await sequences[0]!.clearHistory();
    expect(await write(batches, 0, { ...settings, scoredTokens: TOKENS })).toEqual(plain);
    await sequences[0]!.clearHistory();
  }
});

test('one that does not ask holds up nobody', async () => {
  const batches = new Batches({ internals, isSerial: false });
  const leave = batches.join();
  const idle = await createSource(batches, 1);
  await idle.next();
  expect(await write(batches, 0)).toHaveLength(TOKENS);
  leave();
  await idle.end();
});

test('an abort fails its own step before it begins, and the others go on', async () => {
  const batches = new Batches({ internals, isSerial: false });
  const aborter = new AbortController();
  const source = await createSource(batches, 1, { signal: aborter.signal, isSteady: false });
  const other = write(batches, 0);
  await source.next();
  aborter.abort(new Error('gone'));
  await expect(source.next()).rejects.toThrow('gone');
  await source.end();
  expect(await other).toHaveLength(TOKENS);
});

test('a choice that fails, fails its own step alone', async () => {
  const batches = new Batches({ internals, isSerial: false });
  const other = write(batches, 0);
  const failing = new Promise((resolve) => {
    batches.ask({
      ...{
        sequence: sequences[1]!,
        place: 1,
        tokens: context.model.tokenize('x'),
        signal: new AbortController().signal,
      },
      choose: () => Promise.reject(new Error('no choice')),
      onDone: (error) => () => resolve(error),
    });
  });
  expect(await failing).toEqual(new Error('no choice'));
  expect(await other).toHaveLength(TOKENS);
});

test('what is to run between two batches never runs beside one, and its failure is its own', async () => {
  const batches = new Batches({ internals, isSerial: false });
  const other = write(batches, 0);
  const during: number[] = [];
  for (let change = 0; change < 5; change++) {
    await nextTurn();
    await batches.between(async () => void during.push(computing));
  }
  const failing = batches.between(async () => {
    throw new Error('not now');
  });
  await expect(failing).rejects.toThrow('not now');
  expect(during).toEqual([0, 0, 0, 0, 0]);
  expect(await other).toHaveLength(TOKENS);
});

test('a prompt longer than a batch is read in several, and the sequence knows all of it', async () => {
  const batches = new Batches({ internals, isSerial: false });
  const { batchSize } = internals.context;
  const words = context.model.tokenize('word '.repeat(batchSize)).slice(0, 200);
  const tokens = [0, 1, 2, 3].map(() => words);
  const { signal } = new AbortController();
  const steps = tokens.map((prompt, place) => ({ place, signal, sequence: sequences[place]!, tokens: prompt }));
  await Promise.all(steps.map((step) => batches.read(step)));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(batchSize);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(words.length * PLACES);
  for (const sequence of sequences) expect(sequence.contextTokens).toEqual(words);
});
