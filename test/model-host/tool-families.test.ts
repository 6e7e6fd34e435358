import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ToolCallReader } from '../../src/model-host/tool-call-reader.ts';
import { toolSyntaxOf } from '../../src/model-host/tool-syntax.ts';
import { chat, json, startHost, type TestHost } from './support/test-host.ts';
import { temporaryFolder, writeModel } from './support/test-models.ts';

/** Shortened to what makes each family what it is. */
const TEMPLATES = {
  'llama-3': `{{- bos_token }}{%- for message in messages %}{%- if 'tool_calls' in message %}{%- if message.tool_calls | length != 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}{%- set tool_call = message.tool_calls[0].function %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + tool_call.name + '", ' }}{{- '"parameters": ' }}{{- tool_call.arguments | tojson }}{{- '}<|eot_id|>' }}{%- elif message.role == 'tool' %}{{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' + message.content + '<|eot_id|>' }}{%- else %}{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}{%- if tools is defined and loop.first %}{%- for t in tools %}{{- t | tojson(indent=4) }}{%- endfor %}{%- endif %}{{- message.content | trim + '<|eot_id|>' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}`,
  mistral: `{{- bos_token }}{%- for message in messages %}{%- if message.role == 'system' %}{{- raise_exception('Only user and assistant roles') }}{%- elif message.role == 'user' %}{%- if tools is defined and loop.last %}{{- '[AVAILABLE_TOOLS] [' }}{%- for tool in tools %}{{- tool.function | tojson }}{%- endfor %}{{- '][/AVAILABLE_TOOLS]' }}{%- endif %}{{- '[INST] ' + message.content + '[/INST]' }}{%- elif message.tool_calls is defined %}{{- '[TOOL_CALLS] [' }}{%- for call in message.tool_calls %}{%- if call.id | length != 9 %}{{- raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{%- endif %}{{- call.function | tojson }}{%- endfor %}{{- ']' + eos_token }}{%- elif message.role == 'assistant' %}{{- ' ' + message.content + eos_token }}{%- else %}{{- '[TOOL_RESULTS] {"content": ' + message.content + '}[/TOOL_RESULTS]' }}{%- endif %}{%- endfor %}`,
  none: `{%- for message in messages %}{%- if message.role == 'system' %}{{- raise_exception('System role not supported') }}{%- endif %}{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('Conversation roles must alternate') }}{%- endif %}{{- '<start_of_turn>' + message.role + '\\n' + message.content | trim + '<end_of_turn>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}`,
};

const hosts: TestHost[] = [];
afterAll(() => Promise.all(hosts.map((host) => host.stop())));

const tools = [
  {
    type: 'function',
    function: {
      name: 'look_up',
      parameters: { type: 'object', properties: { id: { type: 'integer', maximum: 9 } }, required: ['id'] },
    },
  },
];
const history = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Look up 1.' },
  {
    role: 'assistant',
    content: '',
    tool_calls: [{ id: 'call_abcdef', type: 'function', function: { name: 'look_up', arguments: '{"id":1}' } }],
  },
  { role: 'tool', tool_call_id: 'call_abcdef', content: '"One"' },
];

describe.each(Object.entries(TEMPLATES))('a template of the family %s', (family, chatTemplate) => {
  test('takes tools, calls and results, and a call can be forced', async () => {
    const host = await startHost({
      model: writeModel(join(temporaryFolder(), 'model.gguf'), { chatTemplate, isEnding: true }),
    });
    hosts.push(host);
    for (const messages of [
      [history[1]],
      history.slice(0, 2),
      history,
      [...history, { role: 'user', content: 'And 2?' }],
    ]) {
      const { choices } = json(await chat(host, { messages, tools, tool_choice: 'required', seed: 4 }));
      expect(choices[0].finish_reason).toBe('tool_calls');
      expect(choices[0].message.tool_calls[0]).toMatchObject({
        type: 'function',
        id: expect.stringMatching(/^call_\w{20,}$/),
      });
      expect(JSON.parse(choices[0].message.tool_calls[0].function.arguments).id).toBeLessThanOrEqual(9);
    }
    expect(toolSyntaxOf(chatTemplate).isNative).toBe(family !== 'none');
  });
});

test('calls are read the same however their text is cut', () => {
  const { syntax } = toolSyntaxOf('tools <tool_call>');
  const text =
    '\n{"name": "a", "arguments": {"x": "}\\"{", "y": [{}]}}\n</tool_call>\n<tool_call>\n{"name": "b", "arguments": {}}\n</tool_call>';
  for (let size = 1; size <= text.length; size++) {
    const reader = new ToolCallReader(syntax, syntax.markers[0]!.beforeName);
    const calls: { name: string; text: string }[] = [];
    for (let at = 0; at < text.length; at += size) {
      for (const part of reader.push(text.slice(at, at + size))) {
        if (part.type === 'call-start') calls.push({ name: part.name, text: '' });
        else calls[part.index]!.text += part.text;
      }
    }
    expect(calls).toEqual([
      { name: 'a', text: '{"x": "}\\"{", "y": [{}]}' },
      { name: 'b', text: '{}' },
    ]);
  }
});
