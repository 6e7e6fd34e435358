import { parseCacheControl } from '../cache/cache-control.ts';
import { type CachedVector, embeddingKeyIn } from '../cache/embedding-cache.ts';
import { UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import {
  type EmbeddingInput,
  EmbeddingsAnswerSchema,
  type EmbeddingsRequest,
  parseEmbeddingsRequest,
} from '../contract/embeddings.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import { NO_TOKENS } from '../ledger/tokens.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Ports } from '../ports.ts';
import type { Candidate } from '../routing/routing-table.ts';
import { textOfTokenIds } from '../translate/token-ids.ts';
import { cutVector, fromVectorBytes, toVectorBytes } from '../translate/vectors.ts';
import { readForwarded } from '../upstreams/read-forwarded.ts';
import type { ForwardAnswer } from '../upstreams/upstream.ts';
import { NamedRequest, type Sending } from './named-request.ts';

const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const CHARACTERS_PER_TOKEN = 4;

/**
 * `POST /v1/embeddings`: the model that was named, never another; each input from the cache where its model has one.
 * The answer is in the encoding that was asked for, whatever the upstream speaks: official clients before 2026 ask for
 * base64 and read a list of numbers as an empty vector.
 */
export const createEmbeddings = (ports: Ports) => (incoming: Incoming) =>
  NamedRequest.handle(incoming, ports, async (named): Promise<Reply> => {
    const request = parseEmbeddingsRequest(await named.readBody());
    const deployments = await named.admit(request.model, estimateTokens(request.inputs));
    const cache = await openCache(named, request, deployments);
    const missing = request.inputs.flatMap((_, index) => (cache.found[index] ? [] : [index]));
    if (missing.length === 0) return cache.reply(request.model, cache.found as CachedVector[], null);

    const { candidate, result } = await named.ask(
      deployments,
      '/embeddings',
      (at) => toSend(request, missing, at, named),
      async (answer, at, meter) => {
        const read = await readAnswer(request, missing, answer, at, named);
        meter.firstToken();
        const tokens = { ...NO_TOKENS, promptTokens: read.tokens, isEstimated: read.isEstimated };
        meter.finish({ outcome: 'ok', upstreamStatus: 200, tokens });
        return read;
      },
    );
    const vectors = [...cache.found];
    for (const [position, index] of missing.entries()) vectors[index] = result.vectors[position] as CachedVector;
    await cache.remember(missing, result.vectors);
    return cache.reply(request.model, vectors as CachedVector[], candidate);
  });

/** The part of the cache that this request may use. */
const openCache = async (named: NamedRequest, request: EmbeddingsRequest, deployments: Candidate[]) => {
  const { passage, ports, caller, incoming } = named;
  const ttlMs = deployments[0]?.cacheTtlMs ?? null;
  const control = parseCacheControl(incoming.headers['cache-control']);
  const isRead = ttlMs !== null && !control.noCache;
  const keyOf = embeddingKeyIn({
    team: caller.team,
    deployments: deployments.map(({ upstream, model }) => `${upstream}/${model}`),
    dimensions: request.dimensions,
  });
  const keys = ttlMs === null ? [] : request.inputs.map(keyOf);
  const found = isRead ? await ports.embeddings.get(keys) : request.inputs.map(() => null);
  const hits = found.filter((vector) => vector !== null);
  const isHit = hits.length === request.inputs.length;
  passage.note({ cache: isHit ? 'hit' : isRead ? 'miss' : 'bypass' });
  if (!isHit && control.onlyIfCached) {
    throw new GatewayError('not_cached', 'Not all inputs are stored, and only-if-cached was asked for.');
  }
  if (hits.length > 0) passage.because([`${hits.length} of ${request.inputs.length} inputs from the cache`]);
  if (isHit) passage.note({ replayedTokens: { ...NO_TOKENS, promptTokens: sumOf(hits) } });
  return {
    found,
    async remember(indexes: number[], vectors: CachedVector[]): Promise<void> {
      if (ttlMs === null || control.noStore) return;
      const entries = indexes.map((index, position) => ({
        key: keys[index] as string,
        vector: vectors[position] as CachedVector,
      }));
      await ports.embeddings.set(entries, ttlMs);
    },
    async reply(model: string, vectors: CachedVector[], candidate: Candidate | null): Promise<Reply> {
      await passage.finish({ outcome: 'ok', status: 200 });
      const data = vectors.map(({ bytes }, index) => ({
        object: 'embedding',
        index,
        embedding: fromVectorBytes(bytes, request.format),
      }));
      const tokens = sumOf(vectors);
      const usage = { prompt_tokens: tokens, total_tokens: tokens };
      const text = JSON.stringify({ object: 'list', data, model: candidate?.model ?? model, usage });
      return { kind: 'json', headers: passage.headers(candidate, true), text };
    },
  };
};

const sumOf = (vectors: CachedVector[]): number => vectors.reduce((sum, { tokens }) => sum + tokens, 0);

/** What the client wrote, with the model's name there and the inputs that are not stored, as that upstream reads them. */
const toSend = (
  request: EmbeddingsRequest,
  missing: number[],
  { upstream, model }: Candidate,
  named: NamedRequest,
): Sending => {
  const kind = named.runtime.upstreams.get(upstream)?.kind;
  const takesIds = kind === 'openai' || kind === 'azure';
  const edits: Record<string, string | null> = { model: JSON.stringify(model) };
  const isWhole = missing.length === request.inputs.length;
  const hasIds = request.inputs.some((input) => typeof input !== 'string');
  if (!isWhole || (hasIds && !takesIds)) {
    edits['input'] = JSON.stringify(
      missing.map((index) => {
        const input = request.inputs[index] as EmbeddingInput;
        return typeof input === 'string' || takesIds ? input : textOfTokenIds(input, `input[${index}]`);
      }),
    );
  }
  return { body: spliceJson(request.text, edits), isStream: false };
};

type Read = { vectors: CachedVector[]; tokens: number; isEstimated: boolean };

/**
 * The vectors of the inputs that were sent, in their order.
 * @throws GatewayError `upstream_invalid_response`.
 */
const readAnswer = async (
  request: EmbeddingsRequest,
  missing: number[],
  answer: ForwardAnswer,
  { upstream }: Candidate,
  { runtime }: NamedRequest,
): Promise<Read> => {
  const wrong = (what: string) =>
    new GatewayError('upstream_invalid_response', `Upstream "${upstream}" ${what}.`, { isRetryable: true });
  const parsed = EmbeddingsAnswerSchema.safeParse(parse(await readForwarded(upstream, answer, MAX_ANSWER_BYTES)));
  if (!parsed.success) throw wrong('answered with something that is no list of embeddings');
  const { data, usage } = parsed.data;
  const byIndex = new Map(data.map(({ index, embedding }) => [index, embedding]));
  const cutsTo =
    request.dimensions !== null && isLocal(runtime.upstreams.get(upstream)?.kind) ? request.dimensions : null;
  const inputs = missing.map((index) => request.inputs[index] as EmbeddingInput);
  const told = usage?.prompt_tokens ?? usage?.total_tokens ?? null;
  const tokens = told !== null && told > 0 ? told : estimateTokens(inputs);
  const share = sharesOf(tokens, inputs);
  const vectors = inputs.map((_, position): CachedVector => {
    const bytes = toVectorBytes(byIndex.get(position) ?? '');
    if (bytes === null)
      throw wrong(`answered ${data.length} inputs of ${inputs.length}, or with vectors that are none`);
    return { bytes: cutsTo === null ? bytes : cutVector(bytes, cutsTo), tokens: share[position] as number };
  });
  return { vectors, tokens, isEstimated: told === null || told <= 0 };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const isLocal = (kind: keyof typeof UPSTREAM_DEFAULTS | undefined): boolean =>
  kind !== undefined && UPSTREAM_DEFAULTS[kind].isLocal;

const estimateTokens = (inputs: EmbeddingInput[]): number =>
  inputs.reduce((sum, input) => sum + estimateInput(input), 0);

const estimateInput = (input: EmbeddingInput): number =>
  typeof input === 'string' ? Math.ceil(input.length / CHARACTERS_PER_TOKEN) : input.length;

/** The tokens of several inputs, told as one number, by their lengths; they add up to it. */
const sharesOf = (tokens: number, inputs: EmbeddingInput[]): number[] => {
  let left = tokens;
  let weightLeft = estimateTokens(inputs);
  return inputs.map((input) => {
    const weight = estimateInput(input);
    const share = Math.round((left * weight) / weightLeft);
    left -= share;
    weightLeft -= weight;
    return share;
  });
};
