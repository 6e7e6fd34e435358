/** Valid requests to start from, by path. Paths that this gateway does not serve are left out by the runner. */
const TOOL = {
  type: 'function',
  function: {
    name: 'get_weather',
    strict: true,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};

export const SEEDS: Readonly<Record<string, readonly object[]>> = {
  '/v1/chat/completions': [
    { model: 'auto', messages: [{ role: 'user', content: 'What is 2+2?' }] },
    {
      model: 'auto',
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Look: ☃ 🙂' }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '12' },
      ],
      tools: [TOOL],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      parallel_tool_calls: true,
    },
    {
      model: 'large',
      messages: [
        { role: 'system', content: 'x' },
        { role: 'user', content: 'Reply in JSON.', name: 'ada' },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'p', strict: true, schema: { type: 'object' } } },
      temperature: 0.5,
      top_p: 0.9,
      n: 1,
      stop: ['\n', 'END'],
      seed: 7,
      max_completion_tokens: 100,
      frequency_penalty: 0,
      presence_penalty: 0,
      logprobs: true,
      top_logprobs: 3,
      logit_bias: { 50256: -100 },
      metadata: { a: 'b' },
      user: 'u',
      reasoning_effort: 'low',
      service_tier: 'auto',
      modalities: ['text'],
    },
  ],
  '/v1/completions': [
    { model: 'small', prompt: 'Say this is a test', max_tokens: 7, temperature: 0, stream: true },
    { model: 'large-1', prompt: ['a', 'b'], suffix: 'c', n: 2, best_of: 2, echo: true, logprobs: 5, stop: 'x' },
  ],
  '/v1/embeddings': [
    { model: 'small-1', input: 'The food was delicious.', encoding_format: 'base64' },
    { model: 'large-1', input: [[1, 2, 3], [4]], dimensions: 8, encoding_format: 'float', user: 'u' },
  ],
  '/v1/rerank': [
    {
      model: 'small-1',
      query: 'What is red?',
      documents: ['a rose', { text: 'the sky' }],
      top_n: 2,
      return_documents: true,
    },
  ],
  '/v1/responses': [
    { model: 'auto', input: 'What is 2+2?', store: false },
    {
      model: 'auto',
      stream: true,
      instructions: 'Be brief.',
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: '12' },
      ],
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object' }, strict: true }],
      text: { format: { type: 'json_schema', name: 'p', schema: { type: 'object' }, strict: true } },
      reasoning: { effort: 'low', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      max_output_tokens: 50,
      store: false,
    },
  ],
  '/v1/messages': [
    { model: 'auto', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] },
    {
      model: 'auto',
      max_tokens: 50,
      stream: true,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: '12' }] },
      ],
      tools: [{ name: 'f', input_schema: { type: 'object' } }],
      stop_sequences: ['x'],
      temperature: 0.5,
    },
  ],
};
