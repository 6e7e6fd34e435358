import assert from 'node:assert/strict';
import { EXPECTED, type Stage } from './feature.ts';

/** What cells ask. A tiny model answers them too: every value of a schema is out of a short list. */
export const HELLO = 'Say good morning.';
export const WEATHER_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string', enum: ['Köln', 'Paris'] }, days: { type: 'integer', enum: [1, 3] } },
  required: ['city', 'days'],
  additionalProperties: false,
} as const;
export const PERSON_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', enum: ['Ada Lovelace'] },
    born: { type: 'integer', enum: [1815] },
    fields: { type: 'array', items: { type: 'string', enum: ['mathematics', 'computing'] }, maxItems: 2 },
  },
  required: ['name', 'born', 'fields'],
  additionalProperties: false,
} as const;
/** A red dot of one pixel. */
export const IMAGE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
/** Fields that neither an API reference nor our table of parameters has: they are sent on as they are. */
export const UNKNOWN_FIELDS = { provider: { order: ['a', 'b'] }, later_field: { level: 2 } };
/** So that a local model's answers end soon. */
export const MAX_TOKENS = 256;

export const assertText = ({ isLocal }: Stage, text: unknown, expected: string = EXPECTED.text): void => {
  if (isLocal) assert.equal(typeof text, 'string');
  else assert.equal(text, expected);
};

/** Answers to one request, by their index. */
export const assertChoices = (stage: Stage, texts: readonly unknown[]): void => {
  assert.equal(texts.length, EXPECTED.choices.length);
  for (const [index, text] of EXPECTED.choices.entries()) assertText(stage, texts[index], text);
};

export const assertWeather = ({ isLocal }: Stage, input: unknown): void => {
  if (!isLocal) assert.deepEqual(input, EXPECTED.tool);
  else assert.deepEqual(Object.keys(input as object).sort(), ['city', 'days']);
};

export const assertPerson = ({ isLocal }: Stage, person: unknown): void => {
  if (!isLocal) assert.deepEqual(person, EXPECTED.object);
  else assert.equal((person as { born?: unknown }).born, 1815);
};

export const assertUsage = ({ isLocal }: Stage, prompt: unknown, completion: unknown): void => {
  if (!isLocal) assert.deepEqual([prompt, completion], [13, 14]);
  else assert.ok(Number(prompt) > 0 && Number(completion) > 0, `usage ${prompt} + ${completion}`);
};

/** What a promise rejects with. */
export const rejection = async (promise: PromiseLike<unknown>): Promise<Record<string, unknown> & Error> => {
  const thrown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Error, 'it did not fail');
  return thrown as Error & Record<string, unknown>;
};

export const EMBEDDED = ['The food was delicious.', 'The waiter was not.'];
export const COMPLETED = 'Say this is a test';

/** Vectors as numbers; they travel as 32-bit floats. */
export const assertVectors = (vectors: readonly (readonly number[])[]): void => {
  assert.deepEqual(
    vectors.map((vector) => [...Float32Array.from(vector)]),
    EXPECTED.embeddings.map((vector) => [...Float32Array.from(vector)]),
  );
};

/** What a tool answered. */
export const WEATHER_REPORT = '12 °C';
