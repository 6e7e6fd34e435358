import { request } from 'undici';

/** What a server made of `GET <base URL>/models`. */
export type Probe =
  | { kind: 'models'; models: ListedModel[]; date: string | null }
  /** It answered, but not with a list of models. */
  | { kind: 'refused'; status: number; date: string | null }
  | { kind: 'unreachable'; why: string };

export type ListedModel = { id: string; ownedBy: string | null };

/** Lists of providers that sell everybody's models have some hundred kilobytes. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;

/**
 * Asks an OpenAI-compatible server for its models, which costs nothing and shows whether the key is good.
 * @param url base URL that ends before `/models`; a query of it is kept.
 * @param limitMs for all of it. Never rejects.
 */
export const probeServer = async (url: string, headers: Record<string, string>, limitMs: number): Promise<Probe> => {
  try {
    const address = new URL(url);
    address.pathname = `${address.pathname.replace(/\/+$/, '')}/models`;
    const {
      statusCode,
      headers: replied,
      body,
    } = await request(address, {
      headers: { accept: 'application/json', ...headers },
      signal: AbortSignal.timeout(limitMs),
    });
    const date = typeof replied['date'] === 'string' ? replied['date'] : null;
    let text = '';
    let size = 0;
    for await (const piece of body as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > MAX_LIST_BYTES) break;
      text += piece.toString('utf8');
    }
    const models = statusCode === 200 ? toModels(text) : null;
    return models === null ? { kind: 'refused', status: statusCode, date } : { kind: 'models', models, date };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return {
      kind: 'unreachable',
      why: name === 'TimeoutError' ? `no answer within ${limitMs / 1000} s` : (code ?? message),
    };
  }
};

const toModels = (text: string): ListedModel[] | null => {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  // Together lists its models without an envelope.
  const data = Array.isArray(body) ? body : (body as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return null;
  return data.flatMap((entry: { id?: unknown; owned_by?: unknown } | null) =>
    typeof entry?.id === 'string'
      ? [{ id: entry.id, ownedBy: typeof entry.owned_by === 'string' ? entry.owned_by : null }]
      : [],
  );
};
