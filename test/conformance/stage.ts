import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Behaviour, FaultyUpstream, type UpstreamCall } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';
import { FEATURE_NAMES, type Feature, type Stage } from './feature.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/openai');
const read = (name: string): Buffer => readFileSync(join(FIXTURES, name));

const BYTES_AT_A_TIME = 97;

/** A recorded answer in the form that is asked for, in pieces that fit neither lines nor characters. */
const replay = (name: string): Behaviour => {
  const plain = read(`${name}.json`);
  const stream = read(`${name}.sse`);
  return (call) => {
    const bytes = call.isStream ? stream : plain;
    call.response.writeHead(200, { 'content-type': call.isStream ? 'text/event-stream' : 'application/json' });
    for (let at = 0; at < bytes.length; at += BYTES_AT_A_TIME) call.raw(bytes.subarray(at, at + BYTES_AT_A_TIME));
    call.response.end();
  };
};

/** Asks for a tool until its result is there. */
const loop: Behaviour = (call) =>
  replay(call.body.messages.some(({ role }) => role === 'tool') ? 'text' : 'tool')(call);

/** Vectors in the form that is asked for. */
const embed: Behaviour = (call) =>
  call.json(
    JSON.parse(read(`embeddings-${call.body['encoding_format'] === 'base64' ? 'base64' : 'float'}.json`).toString()),
  );

const fail = (status: number, headers: Record<string, string> = {}): Behaviour => {
  const body = JSON.parse(read(`error-${status}.json`).toString());
  return (call) => call.json(body, status, headers);
};

/** The beginning of a streamed answer, then what `end` does. */
const begun =
  (end: (call: UpstreamCall) => void): Behaviour =>
  (call) => {
    call.open();
    call.role();
    call.say('Good');
    call.say(' morning');
    end(call);
  };

/** What the upstream does for each feature; null where none is asked. */
const ANSWERS: Record<Feature, Behaviour | null> = {
  chat: replay('text'),
  conversation: replay('text'),
  stream: replay('text'),
  'stream helper': replay('text'),
  'stream with usage': replay('text'),
  tool: replay('tool'),
  'streamed tool': replay('tool'),
  'parallel tools': replay('tools'),
  'streamed parallel tools': replay('tools'),
  'tool loop': loop,
  reasoning: replay('reasoning'),
  'streamed reasoning': replay('reasoning'),
  object: replay('object'),
  'streamed object': replay('object'),
  'several choices': replay('choices'),
  'streamed choices': replay('choices'),
  'log-probabilities': replay('logprobs'),
  'unknown fields': replay('text'),
  image: replay('text'),
  responses: replay('text'),
  'streamed responses': replay('text'),
  'responses tool': replay('tool'),
  'streamed responses tool': replay('tool'),
  'responses object': replay('object'),
  'responses chain': replay('text'),
  'custom tool': replay('custom-tool'),
  'shell tool': replay('shell-tool'),
  embeddings: embed,
  'embeddings as floats': embed,
  'text completion': replay('completion'),
  'streamed text completion': replay('completion'),
  'token count': null,
  'models list': null,
  'model with a slash': null,
  'request id': replay('text'),
  'error 400': fail(400),
  'error 401': null,
  'error 404': null,
  'error 429': fail(429),
  'error 500': fail(500),
  'retries of 429': fail(429),
  'retries of 429 with retry-after': fail(429, { 'retry-after': '1' }),
  'retries of 500': fail(500),
  'no retry of 400': fail(400),
  'spent budget': null,
  'error inside a stream': begun((call) => {
    call.event(JSON.parse(read('error-500.json').toString()));
    call.response.end();
  }),
  'broken stream': begun((call) => call.reset()),
  abort: begun(() => {}),
  'twenty seconds of silence': null,
};

/** `<client>/<feature>`, as a name that any client takes. */
export const modelOf = (client: string, feature: Feature): string => `${client}/${feature}`.replaceAll(' ', '-');

const API_KEY = 'rs-conformance';
const SPENT_KEY = 'rs-spent';
const PRICE = { input: 1, output: 1 };
const TIMEOUTS = { connect: '10s', firstByte: '10m', idle: '10m', total: '1h' };

export type Stages = { of(client: string, feature: Feature): Stage; close(): Promise<void> };

/** One gateway for all cells, and one whose clock stands still; `local` puts the model in the box behind them. */
export const openStages = async (clients: readonly string[], isLocal: boolean): Promise<Stages> => {
  const cells = clients.flatMap((client) => FEATURE_NAMES.map((feature) => ({ client, feature })));
  const behaviours = new Map(cells.map(({ client, feature }) => [modelOf(client, feature), ANSWERS[feature]]));
  const waiting = new Map<string, () => void>();
  const upstream = await FaultyUpstream.start((call) => {
    const behaviour = behaviours.get(call.body.model) ?? null;
    if (behaviour !== null) return behaviour(call);
    // Says the rest when it is let go on.
    return begun(() => {
      waiting.set(call.body.model, () => {
        call.say('!');
        call.finish();
        call.done();
      });
    })(call);
  });
  const scripted = {
    version: 1,
    upstreams: { scripted: { kind: 'openai', url: upstream.url, apis: ['chat'], timeouts: TIMEOUTS } },
    tiers: [
      { name: 'only', models: [...behaviours.keys()].map((model) => ({ upstream: 'scripted', model, price: PRICE })) },
    ],
    routes: [{ name: 'default', match: { model: 'auto' }, tier: 'only' }],
    teams: { spent: { budget: { usd: 0.000000001, per: 'total' } } },
  };
  const local = {
    version: 1,
    upstreams: {
      box: { kind: 'llama', model: 'builtin:nano', gpu: 'off', threads: 1, contextTokens: 2048, parallel: 4 },
    },
    tiers: [{ name: 'only', models: [{ upstream: 'box' }] }],
    routes: [
      {
        name: 'default',
        tier: 'only',
        match: {
          model: cells.flatMap(({ client, feature }) => (feature === 'error 404' ? [] : [modelOf(client, feature)])),
        },
      },
    ],
  };
  const clock = new ManualClock(1_763_500_000_000);
  const gateway = await startGateway({
    routes: isLocal ? local : scripted,
    keys: [
      { secret: API_KEY, caller: { keyId: 'key_1', team: 'default' } },
      { secret: SPENT_KEY, caller: { keyId: 'key_2', team: 'spent' } },
    ],
  });
  const still = isLocal ? null : await startGateway({ routes: scripted, clock });
  if (isLocal) {
    await until(() => gateway.app.runtime().upstreams.get('box')?.state().state === 'ready', 60_000, 'the local model');
  }
  const of = (client: string, feature: Feature): Stage => {
    const model = modelOf(client, feature);
    const calls = () => upstream.calls.filter(({ body }) => body.model === model);
    return {
      baseURL: `${gateway.url}/v1`,
      apiKey: API_KEY,
      spentKey: SPENT_KEY,
      model,
      isLocal,
      hits: async () => (await gateway.entries()).filter(({ requestedModel }) => requestedModel === model).length,
      sent: () => calls().map(({ body }) => body),
      untilUpstreamClosed: async () => (await until(() => calls()[0], 5_000, `a call for ${model}`)).closed,
      silence: {
        baseURL: `${still?.url}/v1`,
        pass(ms) {
          clock.advance(ms);
          waiting.get(model)?.();
        },
      },
    };
  };
  return {
    of,
    async close() {
      await Promise.all([gateway.close(), still?.close()]);
      await upstream.close();
    },
  };
};
