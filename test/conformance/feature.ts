/**
 * What a client can want of the gateway, by name. `local`: the model in the box can be asked for it too, of whose
 * answers only the shape is known; the others need an upstream that does as it is told.
 */
export const FEATURES = {
  chat: { local: true },
  conversation: { local: true },
  stream: { local: true },
  'stream helper': { local: true },
  'stream with usage': { local: true },
  tool: { local: true },
  'streamed tool': { local: true },
  'parallel tools': { local: false },
  'streamed parallel tools': { local: false },
  'tool loop': { local: true },
  reasoning: { local: false },
  'streamed reasoning': { local: false },
  object: { local: true },
  'streamed object': { local: true },
  'several choices': { local: true },
  'streamed choices': { local: true },
  'log-probabilities': { local: true },
  'unknown fields': { local: false },
  image: { local: false },
  responses: { local: true },
  'streamed responses': { local: true },
  'responses tool': { local: true },
  'streamed responses tool': { local: true },
  'responses object': { local: true },
  'responses chain': { local: true },
  'custom tool': { local: false },
  'shell tool': { local: false },
  embeddings: { local: false },
  'embeddings as floats': { local: false },
  'text completion': { local: false },
  'streamed text completion': { local: false },
  'token count': { local: true },
  'models list': { local: true },
  'model with a slash': { local: false },
  'request id': { local: true },
  'error 400': { local: false },
  'error 401': { local: true },
  'error 404': { local: true },
  'error 429': { local: false },
  'error 500': { local: false },
  'retries of 429': { local: false },
  'retries of 429 with retry-after': { local: false },
  'retries of 500': { local: false },
  'no retry of 400': { local: false },
  'spent budget': { local: false },
  'error inside a stream': { local: false },
  'broken stream': { local: false },
  abort: { local: false },
  'twenty seconds of silence': { local: false },
} as const;
export type Feature = keyof typeof FEATURES;

export const FEATURE_NAMES = Object.keys(FEATURES) as Feature[];

/** Why a client cannot do something by itself, in a few words. */
export type NotApplicable = { na: string };
export const na = (reason: string): NotApplicable => ({ na: reason });

/** The same reason for all of these. */
export const noneOf = <Name extends Feature>(reason: string, names: readonly Name[]): Record<Name, NotApplicable> =>
  Object.fromEntries(names.map((name) => [name, na(reason)])) as Record<Name, NotApplicable>;

/** A client under test: for each feature what it does and what must come of it, and throws when that does not. */
export type Client = { name: string; cells: Record<Feature, Cell | NotApplicable> };
/** May find out on its stage that it does not apply there. */
export type Cell = (stage: Stage) => Promise<void> | Promise<NotApplicable | undefined>;

/** What a cell runs against. */
export type Stage = {
  /** Ends in `/v1`. */
  baseURL: string;
  apiKey: string;
  /** A key of a team that may spend nothing more. */
  spentKey: string;
  /** The model to ask: of this cell alone, so that what is done for it and counted of it concerns no other. */
  model: string;
  isLocal: boolean;
  /** How many requests for this cell's model the gateway has answered. */
  hits(): Promise<number>;
  /** The bodies of the requests that reached the upstream for this cell, oldest first. */
  sent(): Record<string, unknown>[];
  /** Waits until the upstream's answer to this cell's request is over, by whichever side. */
  untilUpstreamClosed(): Promise<'complete' | 'cut'>;
  /** The same gateway on a clock that stands still. `pass` moves it and then lets the upstream go on. */
  silence: { baseURL: string; pass(ms: number): void };
};

/** What the answers of `test/fixtures/openai` say. */
export const EXPECTED = {
  text: 'Good morning! How can I help you today? ☕ 👋🏽',
  tool: { city: 'Köln', days: 3 },
  reasoning: 'The user says good morning. A greeting will do.',
  patch: '*** Begin Patch\n*** Update File: über.txt\n@@\n-old\n+new\n*** End Patch\n',
  tools: [
    { city: 'Köln', days: 3 },
    { city: 'São Paulo', unit: 'celsius' },
  ],
  object: { name: 'Ada Lovelace', born: 1815, fields: ['mathematics', 'computing'] },
  choices: ['Heads', 'Tails'],
  embeddings: [
    [0.0023064255, -0.009327292, 0.5, -0.0028842222, 1.5e-7],
    [-0.25, 0.125, 0.0625, -0.99, 3.25e-3],
  ],
  completion: '\n\nThis is indeed a test',
} as const;
