import { Agent, request } from 'node:http';

/** Where a server listens. */
export type Target = { socketPath: string } | { host: string; port: number };

/** One streamed answer. Times are `performance.now()`; tokens are what the server counted. */
export type Streamed = {
  startedAt: number;
  /** First content. */
  firstAt: number;
  endedAt: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
};

/** A connection for each request: one that is kept may be closed by the server in the moment it is used again. */
const agent = new Agent({ keepAlive: false });
const CONTENT = /"content":"[^"]/;

/**
 * Streams one chat completion and throws its text away; looking at as little of it as possible, since this process
 * shares its cores with the servers it measures.
 * @throws Error with the answer when it is not a complete stream with usage.
 */
export const streamChat = (target: Target, body: object): Promise<Streamed> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const outgoing = request(
      {
        ...target,
        agent,
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let firstAt = 0;
        let tail = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (firstAt === 0 && CONTENT.test(text)) firstAt = performance.now();
          tail = (tail + text).slice(-8_000);
        });
        response.once('error', reject);
        response.once('end', () => {
          const usage = /"usage":(\{"(?:[^{}]|\{[^{}]*\})*\})(?!.*"usage":\{)/s.exec(tail)?.[1];
          const isComplete = response.statusCode === 200 && tail.includes('data: [DONE]') && usage !== undefined;
          if (!isComplete) return reject(new Error(`no complete answer (${response.statusCode}): ${tail.slice(-500)}`));
          const { prompt_tokens, completion_tokens, prompt_tokens_details } = JSON.parse(usage);
          return resolve({
            startedAt,
            firstAt,
            endedAt: performance.now(),
            promptTokens: prompt_tokens,
            cachedTokens: prompt_tokens_details?.cached_tokens ?? 0,
            completionTokens: completion_tokens,
          });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(JSON.stringify(body));
  });

/** Whether a GET is answered with 200. @throws Error when nothing listens. */
export const ask = (target: Target, path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ ...target, path }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
