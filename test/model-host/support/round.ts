import { request as httpRequest } from 'node:http';
import { foldStream } from './fold-stream.ts';

const schema = {
  type: 'object',
  properties: { word: { type: 'string', maxLength: 20 }, count: { type: 'integer', minimum: 0, maximum: 9 } },
  required: ['word', 'count'],
  additionalProperties: false,
};
const tools = [
  {
    type: 'function',
    function: {
      name: 'look_up',
      parameters: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] },
    },
  },
];

/**
 * Eight parallel streams on one host: two that leave after their first words, one bound by a schema, one that must
 * call a function, four of plain text.
 * @throws Error in words when an answer is wrong.
 */
export const runRound = async (socketPath: string, round: number): Promise<void> => {
  const ask = (fields: object, leaves = false) =>
    stream(socketPath, { seed: round, max_tokens: 200, ...fields }, leaves);
  const [, , json, call, ...texts] = await Promise.all([
    ask({}, true),
    ask({ logprobs: true }, true),
    ask({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }),
    ask({ tools, tool_choice: 'required', parallel_tool_calls: false }),
    ...[1, 2, 3, 4].map((index) => ask({ temperature: 0.5, rightsize_confidence: index === 4 ? { tokens: 8 } : null })),
  ]);
  const { word, count } = JSON.parse(json!.content);
  if (typeof word !== 'string' || !Number.isInteger(count)) throw new Error(`not by its schema: ${json!.content}`);
  if (call!.finish !== 'tool_calls' || !Number.isInteger(JSON.parse(call!.calls[0].arguments).id)) {
    throw new Error(`not a call: ${JSON.stringify(call)}`);
  }
  for (const { content, finish } of texts) {
    if (content === '' || !['stop', 'length'].includes(finish))
      throw new Error(`not an answer: "${content}" ${finish}`);
  }
};

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
const stream = (socketPath: string, fields: object, leaves: boolean): Promise<any> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path: '/v1/chat/completions', method: 'POST' });
    let text = '';
    request.once('error', (error) => (leaves ? resolve(null) : reject(error)));
    request.once('response', (response) => {
      response.once('error', () => resolve(null));
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (leaves && text.split('\n\n').length > 3) request.destroy();
      });
      response.once('close', () => {
        if (leaves) return resolve(null);
        const events = text.trim().split('\n\n');
        if (response.statusCode !== 200 || events.pop() !== 'data: [DONE]') return reject(new Error(`broken: ${text}`));
        return resolve(foldStream(events.map((event) => JSON.parse(event.slice('data: '.length)))).choices[0]);
      });
    });
    const messages = [{ role: 'user', content: 'Hello' }];
    request.end(JSON.stringify({ model: 'nano', messages, stream: true, ...fields }));
  });
