import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checked } from '../../src/contract/chat-request.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import { NO_HISTORY, toNativeForm } from '../../src/translate/responses/native-form.ts';
import type { Item, ResponsesBody } from '../../src/translate/responses/request-body.ts';
import { inputItems, ResponsesBodySchema } from '../../src/translate/responses/request-body.ts';
import { toChatRequest } from '../../src/translate/responses/to-chat-request.ts';

const translate = (body: Partial<ResponsesBody>, context: Item[] = []) => {
  const whole = { model: 'auto', input: 'hi', ...body } as ResponsesBody;
  return toChatRequest(whole, inputItems(whole), context);
};
const messagesOf = (input: unknown) => translate({ input: input as never }).body.messages;
const failureOf = (body: object): GatewayError => {
  try {
    translate(body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  throw new Error('expected a failure');
};

describe('input', () => {
  test('of what one answer said, thought and called is one message, and its results follow', () => {
    const input = [
      {
        role: 'developer',
        content: [
          { type: 'input_text', text: 'Be' },
          { type: 'input_text', text: 'brief.' },
        ],
      },
      { role: 'user', content: 'Go.' },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.', annotations: [] }] },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'b', name: 'patch', input: 'x"y' },
      { type: 'local_shell_call', id: 'lsh', call_id: 'c', action: { type: 'exec', command: ['ls'] } },
      {
        type: 'function_call_output',
        call_id: 'a',
        output: [
          { type: 'input_text', text: 'one' },
          { type: 'input_text', text: 'two' },
        ],
      },
      { type: 'custom_tool_call_output', call_id: 'b', output: 'done' },
      { type: 'local_shell_call_output', id: 'c', output: '{"stdout":""}' },
      { type: 'function_call', call_id: 'd', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'd', output: 'x' },
      { type: 'web_search_call', id: 'ws', status: 'completed' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ];
    const called = (id: string, name: string, text: string) => ({
      id,
      type: 'function',
      function: { name, arguments: text },
    });
    expect(messagesOf(input)).toEqual([
      { role: 'developer', content: 'Be\nbrief.' },
      { role: 'user', content: 'Go.' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [
          called('a', 'f', '{}'),
          called('b', 'patch', '{"input":"x\\"y"}'),
          called('c', 'local_shell', '{"type":"exec","command":["ls"]}'),
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'one\ntwo' },
      { role: 'tool', tool_call_id: 'b', content: 'done' },
      { role: 'tool', tool_call_id: 'c', content: '{"stdout":""}' },
      { role: 'assistant', content: null, tool_calls: [called('d', 'f', '{}')] },
      { role: 'tool', tool_call_id: 'd', content: 'x' },
      { role: 'assistant', content: '', refusal: 'No.' },
    ]);
  });

  test('of images, sound and files are the parts that chat has', () => {
    const content = [
      { type: 'input_text', text: 'See:' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA', detail: 'low' },
      { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
      { type: 'input_file', file_data: 'data:x', filename: 'a.pdf' },
      { type: 'input_file', file_id: 'file-1' },
    ];
    expect(messagesOf([{ role: 'user', content }])[0]!.content).toEqual([
      { type: 'text', text: 'See:' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } },
      { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
      { type: 'file', file: { file_data: 'data:x', filename: 'a.pdf' } },
      { type: 'file', file: { file_id: 'file-1' } },
    ]);
  });

  test('goes after what it goes on from, and instructions before both', () => {
    const { body } = translate({ instructions: 'New.' }, [{ role: 'user', content: 'Old.' }]);
    expect(body.messages.map(({ content }) => content)).toEqual(['New.', 'Old.', 'hi']);
  });

  test.each([
    ['an image by id', [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }], 'input[0].content[0]'],
    [
      'a picture as a tool’s result',
      [{ type: 'function_call_output', call_id: 'a', output: [{ type: 'input_image' }] }],
      'input[0].output[0]',
    ],
    [
      'an item of a later day',
      [
        { role: 'user', content: 'x' },
        { type: 'program_call', id: 'p' },
      ],
      'input[1]',
    ],
  ])('with %s needs an upstream that speaks responses', (_, input, param) => {
    expect(translate({ input: input as never }).need?.param).toBe(param);
  });

  test.each([
    [{ input: undefined }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: [{ role: 'robot', content: 'x' }] }, 'input[0].role'],
    [{ input: [{ role: 'user' }] }, 'input[0].content'],
    [{ input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }, 'input[0].call_id'],
  ])('%j is refused with its place', (body, param) => {
    expect(failureOf(body)).toMatchObject({ code: 'invalid_value', param });
  });
});

describe('tools', () => {
  const FUNCTION = { type: 'function', name: 'f', description: null, parameters: { type: 'object' }, strict: true };

  test('are functions, flat or nested as some clients write them', () => {
    const definition = { name: 'f', parameters: { type: 'object' }, strict: true };
    const nested = { type: 'function', function: definition };
    for (const tool of [FUNCTION, nested]) {
      expect(translate({ tools: [tool], parallel_tool_calls: false }).wire).toMatchObject({
        tools: [{ type: 'function', function: definition }],
        parallel_tool_calls: false,
      });
    }
  });

  test.each([
    ['auto', 'auto'],
    ['required', 'required'],
    [
      { type: 'function', name: 'f' },
      { type: 'function', function: { name: 'f' } },
    ],
    [
      { type: 'custom', name: 'c' },
      { type: 'function', function: { name: 'c' } },
    ],
    [{ type: 'local_shell' }, { type: 'function', function: { name: 'local_shell' } }],
  ])('chosen by %j are chosen by %j', (choice, expected) => {
    expect(translate({ tools: [FUNCTION], tool_choice: choice as never }).wire['tool_choice']).toEqual(expected);
  });

  test('that are not allowed are left out', () => {
    const tools = [FUNCTION, { type: 'custom', name: 'c' }, { ...FUNCTION, name: 'g' }];
    const tool_choice = {
      type: 'allowed_tools',
      mode: 'required',
      tools: [
        { type: 'function', name: 'g' },
        { type: 'custom', name: 'c' },
      ],
    };
    const { wire } = translate({ tools, tool_choice });
    expect((wire['tools'] as { function: { name: string } }[]).map((tool) => tool.function.name)).toEqual(['c', 'g']);
    expect(wire['tool_choice']).toBe('required');
  });

  test('chosen without any tool are no field at all', () => {
    expect(translate({ tool_choice: 'auto', parallel_tool_calls: true }).wire).not.toHaveProperty('tool_choice');
  });

  test('that an upstream runs by itself are a need, by their place', () => {
    expect(translate({ tools: [FUNCTION, { type: 'mcp', server_label: 'x' }] }).need).toEqual({
      param: 'tools[1]',
      what: 'The tool "mcp"',
    });
    expect(translate({ tools: [FUNCTION], tool_choice: { type: 'file_search' } }).need?.param).toBe('tool_choice');
  });
});

test('settings have chat’s names, unknown fields pass, and what is only for the gateway is not sent', () => {
  const { wire, body } = translate({
    max_output_tokens: 100,
    max_tool_calls: 3,
    reasoning: { effort: 'high', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: null }, verbosity: 'low' },
    top_logprobs: 2,
    include: ['message.output_text.logprobs'],
    truncation: 'auto',
    temperature: 0.2,
    top_p: null,
    top_k: 5,
    user: 'u',
    metadata: { team: 'x' },
    prompt_cache_key: 'k',
    store: true,
    stream: true,
    stream_options: { include_obfuscation: false },
  });
  expect(wire).toEqual({
    model: 'auto',
    stream: true,
    temperature: 0.2,
    top_k: 5,
    user: 'u',
    messages: [{ role: 'user', content: 'hi' }],
    max_tokens: 100,
    reasoning_effort: 'high',
    verbosity: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
    logprobs: true,
    top_logprobs: 2,
  });
  expect(body).toMatchObject({ metadata: { team: 'x' }, prompt_cache_key: 'k' });
});

/** What a client may send that passes as JSON: known words in wrong places, and anything else. */
const junk = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1, '', 'x', 'message', 'function_call', 'input_text', 'local_shell', 'custom'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.constantFrom(
      ...[
        'type',
        'role',
        'content',
        'id',
        'call_id',
        'name',
        'arguments',
        'input',
        'output',
        'action',
        'text',
        'tools',
      ],
      ...['format', 'mode', 'function', 'file_id', 'image_url', 'refusal', 'summary', 'schema', 'encrypted_content'],
    ),
    tie('value'),
    { maxKeys: 5 },
  ),
}));

test('nothing that passes the schema makes anything but a chat request or a refusal', () => {
  const fields = [
    'input',
    'tools',
    'tool_choice',
    'text',
    'reasoning',
    'include',
    'metadata',
    'instructions',
    'prompt',
  ];
  let translated = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fields), junk.value, { maxKeys: 4 }), (body) => {
      try {
        const whole = checked(ResponsesBodySchema, { model: 'auto', ...body });
        const { wire } = toChatRequest(whole, inputItems(whole), []);
        const form = toNativeForm(JSON.stringify(whole), whole, null, NO_HISTORY);
        const target = { upstream: 'u', model: 'm', isStream: false, keepsAnswers: true, home: 'elsewhere' };
        expect([JSON.parse(JSON.stringify(wire)), JSON.parse(form.bodyFor(target))]).toHaveLength(2);
        translated++;
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
    }),
    // The same cases each time: so few of them are requests that at times there were none.
    { numRuns: 2_000, seed: 20_261_122 },
  );
  expect(translated).toBeGreaterThan(10);
});
