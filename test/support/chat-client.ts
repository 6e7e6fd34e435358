import { Agent, request } from 'undici';

/** What came back, as it was on the wire. */
export type RawReply = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The `data:` of each event of a stream. */
  events: string[];
  /** The comment lines of a stream, without their colon. */
  comments: string[];
};

/** A client without any cleverness, whose connections are closed after each request. Gives up after ten seconds. */
export const post = async (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
  path = '/v1/chat/completions',
): Promise<RawReply> => {
  const dispatcher = new Agent({ pipelining: 0 });
  try {
    const response = await request(`${url}${path}`, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.statusCode, headers: response.headers, ...parseStream(await response.body.text()) };
  } finally {
    await dispatcher.destroy();
  }
};

/** A chat request whose answer's events, error included, are told apart. */
export const chat = (url: string, body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  post(url, { model: 'auto', messages: [{ role: 'user', content: 'What is 2+2?' }], ...body }, headers);

export const parseStream = (text: string): Pick<RawReply, 'text' | 'events' | 'comments'> => {
  const lines = text.split('\n');
  return {
    text,
    events: lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length)),
    comments: lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1).trim()),
  };
};

type Delta = { role?: string; content?: string | null; tool_calls?: ToolDelta[] };
type ToolDelta = { index: number; id?: string; type?: string; function?: { name?: string; arguments?: string } };
type Chunk = {
  id: string;
  model: string;
  choices: { index: number; delta: Delta; finish_reason: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message: string; type: string; code: string | null };
};

/** A streamed answer read as a strict client reads it. */
export const readAnswer = ({ events }: Pick<RawReply, 'events'>) => {
  const chunks = events.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk);
  const deltas = chunks.flatMap(({ choices }) => choices ?? []);
  return {
    chunks,
    isDone: events.at(-1) === '[DONE]' && events.filter((data) => data === '[DONE]').length === 1,
    text: deltas.map(({ delta }) => delta.content ?? '').join(''),
    finishReasons: deltas.map(({ finish_reason }) => finish_reason).filter(Boolean),
    tools: deltas.flatMap(({ delta }) => delta.tool_calls ?? []),
    errors: chunks.flatMap(({ error }) => (error ? [error] : [])),
    usage: chunks.flatMap(({ usage }) => (usage ? [usage] : [])),
  };
};
