import assert from 'node:assert/strict';
import { type Cell, type Client, EXPECTED, noneOf, type Stage } from '../feature.ts';
import {
  assertPerson,
  assertText,
  assertUsage,
  assertWeather,
  HELLO,
  IMAGE,
  MAX_TOKENS,
  PERSON_SCHEMA,
  rejection,
  WEATHER_REPORT,
  WEATHER_SCHEMA,
} from '../prompts.ts';
import { createWatchingFetch } from '../watching-fetch.ts';

type Item = { type: string; [key: string]: unknown };
type Turn = { items: Item[]; text: string; thought: string; usage: Record<string, number>; id: string };
type Asked = { body?: object; key?: string; signal?: AbortSignal; fetch?: typeof fetch; onText?(text: string): void };

const say = (role: string, text: string): Item => ({ type: 'message', role, content: [{ type: 'input_text', text }] });
const PATCH_GRAMMAR = 'start: "*** Begin Patch" LF hunk+ "*** End Patch" LF?';

/**
 * Codex: it has no package to load, so this sends what it sends and reads as it reads (openai/codex, codex-rs/core,
 * `client_common.rs` and `client.rs`, 2026-11-22): a stream without `store`, whole items from `response.output_item.done`,
 * and a turn that is over with `response.completed` alone.
 */
export const codex = async (): Promise<Client> => {
  const ask = async (stage: Stage, asked: Asked = {}): Promise<Turn> => {
    const { body = {}, key = stage.apiKey, signal = null, onText = () => {} } = asked;
    const response = await (asked.fetch ?? fetch)(`${stage.baseURL}/responses`, {
      method: 'POST',
      signal,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
        originator: 'codex_cli_rs',
        'user-agent': 'codex_cli_rs/0.50.0',
        session_id: '0199a213-81c0-7800-8aa1-bbab2a035a53',
      },
      body: JSON.stringify({
        model: stage.model,
        instructions: 'You are a coding agent.',
        input: [say('developer', '<permissions>all</permissions>'), say('user', HELLO)],
        tools: [
          { type: 'function', name: 'get_weather', description: '', strict: false, parameters: WEATHER_SCHEMA },
          {
            type: 'custom',
            name: 'apply_patch',
            description: 'Edits files.',
            format: { type: 'grammar', syntax: 'lark', definition: PATCH_GRAMMAR },
          },
          { type: 'local_shell' },
        ],
        tool_choice: 'auto',
        parallel_tool_calls: false,
        reasoning: { effort: 'medium', summary: 'auto' },
        store: false,
        stream: true,
        include: ['reasoning.encrypted_content'],
        prompt_cache_key: '0199a213-81c0-7800-8aa1-bbab2a035a53',
        max_output_tokens: MAX_TOKENS,
        ...body,
      }),
    });
    if (!response.ok) {
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      const headers = Object.fromEntries(response.headers);
      throw Object.assign(new Error(error.message), { status: response.status, code: error.code, headers });
    }
    assert.match(String(response.headers.get('content-type')), /^text\/event-stream/);
    return read(response, onText);
  };
  const shown = (items: Item[]) => items.filter(({ type }) => type !== 'reasoning');
  const argumentsOf = (items: Item[]) =>
    shown(items).map(({ type, name, call_id, arguments: text }) => {
      assert.ok(type === 'function_call' && name === 'get_weather' && call_id !== '');
      return JSON.parse(String(text));
    });
  /** A small model calls a tool for sure only where it must. */
  const withTool = (stage: Stage) => ({
    body: stage.isLocal ? { tool_choice: { type: 'function', name: 'get_weather' } } : {},
  });
  const fails =
    (status: number, code: string, asked: Asked = {}): Cell =>
    async (stage) => {
      const error = await rejection(ask(stage, asked));
      assert.deepEqual([error['status'], error['code']], [status, code]);
    };

  return {
    name: 'codex',
    cells: {
      async 'streamed responses'(stage) {
        // A small model calls tools that nobody needs.
        const { items, text, usage, id } = await ask(stage, stage.isLocal ? { body: { tool_choice: 'none' } } : {});
        assertText(stage, text);
        const message = shown(items)[0] as Item & { content: { text: string }[] };
        assert.deepEqual([message.type, message.content[0]?.text], ['message', text]);
        assertUsage(stage, usage['input_tokens'], usage['output_tokens']);
        assert.match(id, /^resp_/);
        if (stage.isLocal) return;
        const sent = stage.sent()[0] as { messages: { role: string }[]; store?: boolean; include?: unknown };
        assert.deepEqual(
          sent.messages.map(({ role }) => role),
          ['system', 'developer', 'user'],
        );
        assert.deepEqual([sent.store, sent.include], [undefined, undefined]);
      },
      async 'streamed responses tool'(stage) {
        assertWeather(stage, argumentsOf((await ask(stage, withTool(stage))).items)[0]);
      },
      async 'streamed parallel tools'(stage) {
        const { items } = await ask(stage, { body: { parallel_tool_calls: true } });
        assert.deepEqual(argumentsOf(items), EXPECTED.tools);
      },
      async 'custom tool'(stage) {
        const [call] = shown((await ask(stage)).items);
        assert.partialDeepStrictEqual(call, { type: 'custom_tool_call', name: 'apply_patch', input: EXPECTED.patch });
      },
      async 'shell tool'(stage) {
        const [call] = shown((await ask(stage)).items);
        assert.partialDeepStrictEqual(call, {
          type: 'local_shell_call',
          action: { type: 'exec', command: ['ls', '-l'], working_directory: '/tmp', timeout_ms: 1000 },
        });
      },
      async 'tool loop'(stage) {
        const { items } = await ask(stage, withTool(stage));
        const call = shown(items)[0] as Item;
        const input = [
          say('developer', '<permissions>all</permissions>'),
          say('user', HELLO),
          // All that came back goes in again, without ids: nothing is stored.
          ...items.map(({ id: _, status: _status, ...item }) => item),
          { type: 'function_call_output', call_id: call['call_id'], output: WEATHER_REPORT },
        ];
        const { text } = await ask(stage, { body: { input } });
        assertText(stage, text);
        if (stage.isLocal) return;
        const sent = stage.sent()[1]?.['messages'] as Record<string, unknown>[];
        assert.partialDeepStrictEqual(sent.slice(3), [
          { role: 'assistant', tool_calls: [{ id: call['call_id'], function: { name: 'get_weather' } }] },
          { role: 'tool', tool_call_id: call['call_id'], content: WEATHER_REPORT },
        ]);
      },
      async 'streamed reasoning'(stage) {
        const { items, thought, text } = await ask(stage);
        assertText(stage, text);
        assert.equal(thought, EXPECTED.reasoning);
        const [item] = items as (Item & { summary: { text: string }[] })[];
        assert.deepEqual([item?.type, item?.summary[0]?.text], ['reasoning', EXPECTED.reasoning]);
      },
      async 'responses object'(stage) {
        const format = { type: 'json_schema', name: 'person', schema: PERSON_SCHEMA, strict: true };
        assertPerson(stage, JSON.parse((await ask(stage, { body: { text: { format }, tools: [] } })).text));
      },
      async image(stage) {
        const content = [
          { type: 'input_text', text: HELLO },
          { type: 'input_image', image_url: IMAGE },
        ];
        assertText(stage, (await ask(stage, { body: { input: [{ type: 'message', role: 'user', content }] } })).text);
        assert.match(JSON.stringify(stage.sent()[0]), /"image_url":\{"url":"data:image\/png;base64,iVBOR/);
      },
      async 'request id'(stage) {
        const error = await rejection(ask(stage, { key: 'wrong' }));
        assert.match((error['headers'] as Record<string, string>)['x-request-id'] ?? '', /^req_/);
      },
      'error 400': fails(400, 'unsupported_value'),
      'error 401': fails(401, 'invalid_api_key', { key: 'wrong' }),
      'error 404': fails(404, 'model_not_found', { body: { model: 'nobody/knows' } }),
      'error 429': fails(429, 'upstream_rate_limited'),
      'error 500': fails(502, 'upstream_error'),
      async 'spent budget'(stage) {
        const error = await rejection(ask(stage, { key: stage.spentKey }));
        assert.deepEqual([error['status'], error['code']], [429, 'insufficient_quota']);
      },
      async 'error inside a stream'(stage) {
        const error = await rejection(ask(stage));
        assert.match(error.message, /had an error while processing/);
      },
      async 'broken stream'(stage) {
        const error = await rejection(ask(stage));
        assert.equal(error['code'], 'server_error');
      },
      async abort(stage) {
        const controller = new AbortController();
        await rejection(ask(stage, { signal: controller.signal, onText: () => controller.abort() }));
        assert.equal(await stage.untilUpstreamClosed(), 'cut');
      },
      async 'twenty seconds of silence'(stage) {
        const watching = createWatchingFetch();
        const { text } = await ask(
          { ...stage, baseURL: stage.silence.baseURL },
          {
            fetch: watching.fetch,
            onText: (soFar) => {
              if (soFar === 'Good morning') stage.silence.pass(20_000);
            },
          },
        );
        assert.equal(text, 'Good morning!');
        assert.match(watching.seen(), /morning[\s\S]*: heartbeat\n\n[\s\S]*!/);
      },
      ...noneOf('calls responses alone, as a stream', [
        ...(['chat', 'conversation', 'stream', 'stream helper', 'stream with usage', 'tool', 'streamed tool'] as const),
        ...(['parallel tools', 'reasoning', 'object', 'streamed object', 'several choices'] as const),
        ...(['streamed choices', 'log-probabilities', 'unknown fields', 'responses', 'responses tool'] as const),
        ...(['embeddings', 'embeddings as floats', 'text completion', 'streamed text completion'] as const),
        ...(['token count', 'models list', 'model with a slash'] as const),
      ]),
      ...noneOf('sends its whole history each time', ['responses chain']),
      ...noneOf('retries by rules of its own', [
        'retries of 429',
        'retries of 429 with retry-after',
        'retries of 500',
        'no retry of 400',
      ]),
    },
  };
};

/** @throws Error with the `code` of `response.failed`; where the stream ends before `response.completed`. */
const read = async (response: Response, onText: (soFar: string) => void): Promise<Turn> => {
  const turn: Turn = { items: [], text: '', thought: '', usage: {}, id: '' };
  let pending = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (pending + piece).split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const event = JSON.parse(data);
      if (event.type === 'response.output_item.done') turn.items.push(event.item);
      if (event.type === 'response.reasoning_summary_text.delta') turn.thought += event.delta;
      if (event.type === 'response.output_text.delta') {
        turn.text += event.delta;
        onText(turn.text);
      }
      if (event.type === 'response.failed') {
        throw Object.assign(new Error(event.response.error.message), { code: event.response.error.code });
      }
      if (event.type === 'response.completed' || event.type === 'response.incomplete') {
        return { ...turn, usage: event.response.usage, id: event.response.id };
      }
    }
  }
  throw new Error('stream closed before response.completed');
};
