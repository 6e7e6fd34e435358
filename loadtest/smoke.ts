import { check, group } from 'k6';
import http, { type RefinedResponse } from 'k6/http';
import type { Options } from 'k6/options';
import { ask, COMPLETIONS, GATEWAY, HEADERS } from './gateway-client.ts';

/** Does everything answer as it should? Each kind of request ten times, by one user. */
export const options: Options = {
  scenarios: { smoke: { executor: 'shared-iterations', vus: 1, iterations: 10, maxDuration: '60s' } },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    http_req_duration: ['p(95)<1000'],
  },
};

const isJson = ({ headers }: RefinedResponse<'text'>) =>
  headers['Content-Type']?.startsWith('application/json') === true;
const jsonOf = ({ body }: RefinedResponse<'text'>) => JSON.parse(body) as Record<string, never>;
/** An answer that is meant to fail is no failed request. */
const refusal = (status: number) => ({ headers: HEADERS, responseCallback: http.expectedStatuses(status) });

export default function smoke(): void {
  group('health', () => {
    check(http.get(`${GATEWAY}/healthz`), { 'is alive': ({ status }) => status === 200 });
    check(http.get(`${GATEWAY}/readyz`), { 'is ready': (response) => response.json('status') === 'ready' });
  });

  group('models', () => {
    check(http.get(`${GATEWAY}/v1/models`, { headers: HEADERS }), {
      'lists auto': (response) => (response.json('data.#.id') as string[]).includes('auto'),
    });
  });

  group('plain', () => {
    const response = ask({ isStream: false, tag: 'plain' }) as RefinedResponse<'text'>;
    check(response, {
      'plain: 200': ({ status }) => status === 200,
      'plain: JSON': isJson,
      'plain: has text': (answer) => String(answer.json('choices.0.message.content')).startsWith('scripted'),
      'plain: has usage': (answer) => Number(answer.json('usage.total_tokens')) > 0,
      'plain: says who served it and why': ({ headers }) =>
        ['X-Request-Id', 'X-Rightsize-Tier', 'X-Rightsize-Model', 'X-Rightsize-Reason', 'X-Rightsize-Cost-Usd'].every(
          (name) => headers[name] !== undefined,
        ),
      'plain: not from the cache': ({ headers }) => headers['X-Rightsize-Cache'] === 'miss',
    });
  });

  group('streamed', () => {
    const response = ask({ isStream: true, tag: 'streamed' }) as RefinedResponse<'text'>;
    const { events, isDone } = readEvents(response.body);
    check(response, {
      'streamed: 200': ({ status }) => status === 200,
      'streamed: events': ({ headers }) => headers['Content-Type']?.startsWith('text/event-stream') === true,
      'streamed: says who served it': ({ headers }) => headers['X-Rightsize-Tier'] !== undefined,
      'streamed: has text': () => events.some(({ choices }) => choices[0]?.delta.content?.startsWith('scripted')),
      'streamed: one finish reason': () => events.filter(({ choices }) => choices[0]?.finish_reason).length === 1,
      'streamed: usage as asked': () => events.filter(({ usage }) => usage != null).length === 1,
      'streamed: ends with [DONE]': () => isDone,
    });
  });

  group('the same again', () => {
    const body = JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'What is 2+2?' }] });
    http.post(COMPLETIONS, body, { headers: HEADERS });
    check(http.post(COMPLETIONS, body, { headers: HEADERS }), {
      'the same again: from the cache': ({ headers }) => headers['X-Rightsize-Cache'] === 'hit',
    });
  });

  group('errors', () => {
    const unknown = JSON.stringify({ model: 'no-such-model', messages: [{ role: 'user', content: 'Hello' }] });
    checkError('unknown model', http.post(COMPLETIONS, unknown, refusal(404)), 404, 'model_not_found');
    checkError('bad JSON', http.post(COMPLETIONS, '{"model":', refusal(400)), 400, 'invalid_json');
    checkError('unknown path', http.get(`${GATEWAY}/no-such-path`, refusal(404)), 404, 'not_found');
    if (HEADERS['authorization'] !== undefined) {
      const anonymous = { ...refusal(401), headers: { 'content-type': 'application/json' } };
      checkError('no key', http.post(COMPLETIONS, unknown, anonymous), 401, 'invalid_api_key');
    }
  });
}

const checkError = (
  what: string,
  response: RefinedResponse<'text' | undefined>,
  status: number,
  code: string,
): void => {
  check(response as RefinedResponse<'text'>, {
    [`${what}: ${status}`]: (answer) => answer.status === status,
    [`${what}: OpenAI's envelope`]: (answer) =>
      isJson(answer) &&
      Object.keys(jsonOf(answer)['error'] ?? {})
        .sort()
        .join() === 'code,message,param,type',
    [`${what}: ${code}`]: (answer) => answer.json('error.code') === code,
  });
};

type Chunk = { choices: { delta: { content?: string }; finish_reason?: string | null }[]; usage?: object | null };

const readEvents = (body: string): { events: Chunk[]; isDone: boolean } => {
  const data = body
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length));
  return {
    events: data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text) as Chunk),
    isDone: data.at(-1) === '[DONE]',
  };
};
