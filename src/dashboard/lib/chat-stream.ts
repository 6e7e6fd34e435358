export type ChatResult = {
  text: string;
  /** `x-rightsize-*` headers, and the money that follows a stream as comments, by name without the prefix. */
  facts: Record<string, string>;
  firstTokenMs: number | null;
  totalMs: number;
};

/**
 * Sends one streamed chat request to the gateway, as any client would. `onProgress` gets the answer as it grows.
 * @throws Error in the gateway's own words.
 */
export const streamChat = async (
  { model, prompt, key, signal }: { model: string; prompt: string; key: string; signal: AbortSignal },
  onProgress: (result: ChatResult) => void,
): Promise<ChatResult> => {
  const started = performance.now();
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: prompt }] }),
  });
  const result: ChatResult = { text: '', facts: factsOf(response.headers), firstTokenMs: null, totalMs: 0 };
  if (!response.ok || response.body === null) throw new Error(await errorOf(response));
  for await (const line of linesOf(response.body)) {
    const fact = /^: x-rightsize-([\w-]+): (.*)$/.exec(line);
    if (fact !== null) result.facts[fact[1] as string] = fact[2] as string;
    if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
    const chunk = JSON.parse(line.slice('data: '.length)) as {
      error?: { message: string };
      choices?: { delta?: { content?: string | null } }[];
    };
    if (chunk.error !== undefined) throw new Error(chunk.error.message);
    const piece = chunk.choices?.[0]?.delta?.content ?? '';
    if (piece === '') continue;
    result.firstTokenMs ??= performance.now() - started;
    result.text += piece;
    result.totalMs = performance.now() - started;
    onProgress({ ...result });
  }
  return { ...result, totalMs: performance.now() - started };
};

const factsOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    [...headers]
      .filter(([name]) => name.startsWith('x-rightsize-') || name === 'x-request-id')
      .map(([name, value]) => [name.replace(/^x-(rightsize-)?/, ''), value]),
  );

const errorOf = async (response: Response): Promise<string> => {
  try {
    return ((await response.json()) as { error: { message: string } }).error.message;
  } catch {
    return `The gateway answered with status ${response.status}.`;
  }
};

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (done) return;
  }
}
