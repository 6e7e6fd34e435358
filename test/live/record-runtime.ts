import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { request } from 'undici';

/**
 * Asks a running local runtime what clients ask, prints what it found, and with `--out` keeps the answers byte for byte
 * for `test/upstreams/presets.test.ts`. Run by hand:
 * `node test/live/record-runtime.ts --url http://127.0.0.1:8080/v1 --model name [--out test/fixtures/runtimes/kind]`
 */
const { values: flags } = parseArgs({
  options: {
    url: { type: 'string' },
    model: { type: 'string' },
    out: { type: 'string' },
    /** Repetitions of a word that make a prompt longer than the context. */
    'long-words': { type: 'string', default: '20000' },
    /** `required` where only a grammar makes the model call a tool. */
    'tool-choice': { type: 'string', default: 'auto' },
  },
});
if (!flags.url || !flags.model) {
  console.error('usage: node test/live/record-runtime.ts --url <http://host:port/v1> --model <name> [--out <folder>]');
  process.exit(2);
}

const question = [{ role: 'user', content: 'Say good morning.' }];
const common = { model: flags.model, messages: question, max_tokens: 24, temperature: 0 };
const streamed = { stream: true, stream_options: { include_usage: true } };
const tools = {
  tools: [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'Weather of a city.',
        parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Paris'] } }, required: ['city'] },
      },
    },
  ],
  messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
  tool_choice: flags['tool-choice'],
  max_tokens: 128,
};

const CASES: Record<string, object> = {
  plain: common,
  stream: { ...common, ...streamed },
  'stream-without-usage': { ...common, stream: true },
  'stream-running-usage': {
    ...common,
    ...streamed,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  },
  tools: { ...common, ...tools },
  'tools-stream': { ...common, ...tools, ...streamed },
  developer: { ...common, messages: [{ role: 'developer', content: 'Be brief.' }, ...question] },
  'max-completion-tokens': { ...common, max_tokens: undefined, max_completion_tokens: 2 },
  'too-long': { ...common, messages: [{ role: 'user', content: 'morning '.repeat(Number(flags['long-words'])) }] },
  'too-long-stream': {
    ...common,
    ...streamed,
    messages: [{ role: 'user', content: 'morning '.repeat(Number(flags['long-words'])) }],
  },
  'unknown-model': { ...common, model: 'no-such-model' },
  'wrong-type': { ...common, temperature: 'hot' },
};

type Recorded = { file: string; status: number; contentType: string };
const recorded: Record<string, Recorded> = {};
if (flags.out) mkdirSync(flags.out, { recursive: true });

for (const [name, body] of Object.entries(CASES)) {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer none' };
  try {
    const response = await request(`${flags.url}/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      headersTimeout: 60_000,
    });
    const text = await response.body.text();
    const contentType = String(response.headers['content-type'] ?? '');
    const file = `${name}.${contentType.includes('event-stream') ? 'sse' : 'json'}`;
    recorded[name] = { file, status: response.statusCode, contentType };
    if (flags.out) writeFileSync(join(flags.out, file), text);
    console.log(`${name}: ${response.statusCode} ${contentType}\n  ${describe(text, contentType)}`);
  } catch (error) {
    console.log(`${name}: ${(error as Error).message}`);
  }
}
if (flags.out) writeFileSync(join(flags.out, 'cases.json'), `${JSON.stringify(recorded, null, 2)}\n`);

/** In a line: the keys that clients see, finish reasons, usage, or the error. */
function describe(text: string, contentType: string): string {
  const isStream = contentType.includes('event-stream');
  const data = isStream ? [...text.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line!.trim()) : [text];
  const parsed = data.flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  if (parsed.length === 0) return `not JSON: ${text.slice(0, 200)}`;
  if (parsed[0].choices === undefined) return text.slice(0, 400);
  const choices = parsed.flatMap(({ choices = [] }) => choices);
  const keys = (objects: object[]) => [...new Set(objects.flatMap((value) => Object.keys(value ?? {})))].join(' ');
  return [
    isStream && `${parsed.length} chunks, ${data.at(-1) === '[DONE]' ? '' : 'no '}[DONE]`,
    `keys: ${keys(parsed)}`,
    `choice: ${keys(choices)}`,
    `message: ${keys(choices.map(({ message, delta }) => message ?? delta))}`,
    `finish: ${choices.map(({ finish_reason }) => finish_reason).filter(Boolean)}`,
    `tool calls: ${JSON.stringify(choices.flatMap(({ message, delta }) => (message ?? delta)?.tool_calls ?? []))}`,
    `usage in ${parsed.filter(({ usage }) => usage != null).length}: ${JSON.stringify(parsed.findLast(({ usage }) => usage != null)?.usage ?? null)}`,
  ]
    .filter(Boolean)
    .join('\n  ');
}
