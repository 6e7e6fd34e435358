import { type Behaviour, good, type UpstreamCall } from './faulty-upstream.ts';

/** What an upstream that speaks responses says: odd in its spacing and in its fields, so that any rewriting shows. */
export const nativeBody = (id: string, output: unknown[], extra: Record<string, unknown> = {}): string =>
  `{ "id" : "${id}", "object":"response","created_at":1700000000,"status":"completed", "model":"native-1",\n` +
  ` "error":null, "big": 12345678901234567890, "output": ${JSON.stringify(output)},` +
  `"usage":{"input_tokens":21,"input_tokens_details":{"cached_tokens":5},"output_tokens":9,` +
  `"output_tokens_details":{"reasoning_tokens":4},"total_tokens":30}${Object.entries(extra)
    .map(([key, value]) => `,"${key}":${JSON.stringify(value)}`)
    .join('')} }`;

export const SEARCH = {
  type: 'web_search_call',
  id: 'ws_1',
  status: 'completed',
  action: { type: 'search', query: 'q' },
};
export const CIPHER = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA-cipher' };
export const NATIVE_TEXT = 'Forty-two, says ☃.';
export const NATIVE_MESSAGE = {
  type: 'message',
  id: 'msg_n1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: NATIVE_TEXT, annotations: [{ type: 'url_citation', url: 'https://x.test' }] }],
};
const OUTPUT = [CIPHER, SEARCH, NATIVE_MESSAGE];

const eventText = (type: string, fields: string): string => `event: ${type}\ndata: {"type":"${type}", ${fields}}\n\n`;

/** The events of one native stream, in order. */
export const nativeEvents = (id: string): string[] => {
  let sequence = 0;
  const event = (type: string, fields: string) => eventText(type, `"sequence_number": ${sequence++}, ${fields}`);
  const start = `"response":{"id":"${id}","object":"response","created_at":1700000000,"model":"native-1","status":"in_progress","output":[]}`;
  const item = (index: number, value: unknown) => `"output_index":${index},"item":${JSON.stringify(value)}`;
  const place = '"output_index":2,"content_index":0,"item_id":"msg_n1"';
  return [
    event('response.created', start),
    event('response.in_progress', start),
    event('response.output_item.added', item(0, { ...CIPHER, encrypted_content: null })),
    event('response.output_item.done', item(0, CIPHER)),
    event('response.output_item.added', item(1, { ...SEARCH, status: 'in_progress' })),
    event('response.web_search_call.searching', '"output_index":1,"item_id":"ws_1"'),
    event('response.output_item.done', item(1, SEARCH)),
    event('response.output_item.added', item(2, { ...NATIVE_MESSAGE, content: [] })),
    event('response.content_part.added', `${place},"part":{"type":"output_text","text":"","annotations":[]}`),
    event('response.output_text.delta', `${place},"delta":"Forty-two, ","logprobs":[]`),
    event('response.output_text.delta', `${place},"delta":"says ☃.","logprobs":[]`),
    event('response.output_text.done', `${place},"text":${JSON.stringify(NATIVE_TEXT)},"logprobs":[]`),
    event('response.content_part.done', `${place},"part":${JSON.stringify(NATIVE_MESSAGE.content[0])}`),
    event('response.output_item.done', item(2, NATIVE_MESSAGE)),
    event('response.completed', `"response":${nativeBody(id, OUTPUT).replaceAll('\n', '')}`),
  ];
};

const isNative = ({ path }: UpstreamCall): boolean => path.endsWith('/responses');

/** Speaks responses where it is asked to, and chat elsewhere; a request without a body is one to delete. */
export const speaksResponses: Behaviour = (call) => {
  if (call.bytes.length === 0) return call.json({ object: 'response', deleted: true });
  if (!isNative(call)) return good(call);
  const id = `resp_native_${call.id}`;
  if (!call.isStream) {
    call.response.writeHead(200, { 'content-type': 'application/json' });
    call.response.end(nativeBody(id, OUTPUT));
    return;
  }
  call.open();
  for (const event of nativeEvents(id)) call.raw(event);
  call.response.end();
};

/** A native stream that breaks off after so many of its events. */
export const breaksAfter =
  (count: number, end: (call: UpstreamCall) => void): Behaviour =>
  (call) => {
    call.open();
    for (const event of nativeEvents(`resp_native_${call.id}`).slice(0, count)) call.raw(event);
    end(call);
  };
