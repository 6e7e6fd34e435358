import { Readable } from 'node:stream';
import { UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import type { Caller } from '../contract/caller.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import { endpointOf, kindOfPath, type PassThroughRequest, segmentsOf } from '../contract/pass-through.ts';
import { HEADERS } from '../contract/vocabulary.ts';
import type { AttemptMeter } from '../ledger/attempt-meter.ts';
import { NO_TOKENS } from '../ledger/tokens.ts';
import { UsageTap } from '../ledger/usage-tap.ts';
import { spliceJson } from '../lib/json-splice.ts';
import { parseJson } from '../lib/parse-json.ts';
import type { Ports, Runtime } from '../ports.ts';
import { mayUseNamed } from '../routing/permissions.ts';
import { type Candidate, NO_TIER } from '../routing/routing-table.ts';
import { headersToReturn, headersToSend } from '../translate/pass-through-headers.ts';
import { refusalOf } from '../upstreams/read-forwarded.ts';
import type { ForwardAnswer } from '../upstreams/upstream.ts';
import { NamedRequest } from './named-request.ts';

/** A JSON body up to this size is read for its `model`; a larger one, and any other, goes on as it comes. */
const MAX_READ_BYTES = 1024 * 1024;
const READS_ONLY = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/**
 * Every other path below `/v1`: bytes both ways as they come, with the authentication, limits and ledger entry of any
 * request. Goes to the upstream that `x-rightsize-upstream` names, that has the model of `models` which the body names, or
 * that routes.yaml sets for it (`passThrough`).
 */
export const createPassThrough = (ports: Ports) => (request: PassThroughRequest) => {
  const segments = segmentsOf(request.path);
  const incoming: Incoming = { ...request, endpoint: segments ? endpointOf(segments) : '/v1' };
  return NamedRequest.handle(incoming, ports, async (named): Promise<Reply> => {
    const kind = segments === null ? 'refused' : kindOfPath(segments);
    if (kind === 'refused') throw notFound(request);
    const { bytes, model } = await peek(request, named);
    const candidate = chooseUpstream(request, model, kind, named);
    named.passage.note({ requestedModel: model });
    await named.count(candidate);
    const isRead = READS_ONLY.has(request.method);
    const body =
      bytes === null ? (isRead ? null : streamOf(request.body)) : rename(bytes, model, candidate.model, named.caller);
    const headers = headersToSend(request.headers);
    if (typeof body === 'string') headers['content-length'] = String(Buffer.byteLength(body));
    const { result } = await named.ask(
      [candidate],
      incoming.endpoint,
      () => ({ body, isStream: false, as: { method: request.method, path: request.path, headers } }),
      (answer, at, meter) => begin(named, request, isRead, answer, at, meter),
      { spends: !isRead },
    );
    return { ...result, headers: { ...result.headers, ...named.passage.headers(candidate, false) } };
  });
};

const notFound = ({ method, path }: Pick<PassThroughRequest, 'method' | 'path'>): GatewayError =>
  new GatewayError('not_found', `No such path: ${method} /v1${path.split('?')[0]}`);

/** The body, where it is small JSON, and the model it names. */
const peek = async (
  { headers }: PassThroughRequest,
  named: NamedRequest,
): Promise<{ bytes: Buffer | null; model: string | null }> => {
  const isJson = (headers['content-type'] ?? '').toString().startsWith('application/json');
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (!isJson || !(length <= MAX_READ_BYTES)) return { bytes: null, model: null };
  const bytes = await named.readBody();
  try {
    const { model, metadata } = parseJson(bytes.toString('utf8')) as { model?: unknown; metadata?: unknown };
    named.tag(metadata);
    return { bytes, model: typeof model === 'string' && model !== '' ? model : null };
  } catch {
    // The upstream is the judge of its own bodies.
    return { bytes, model: null };
  }
};

/** A bound key's body names the model once: parsers disagree on which counts of two, and only one has been checked. */
const rename = (bytes: Buffer, asked: string | null, model: string, { permissions }: Caller): string | Buffer =>
  asked === null || (asked === model && mayUseNamed(permissions, ''))
    ? bytes
    : spliceJson(bytes.toString('utf8'), { model: JSON.stringify(model) });

/** @throws GatewayError `not_found`, `not_allowed`, `model_not_allowed`, `invalid_value` for a header that names nothing. */
export const chooseUpstream = (
  request: Pick<PassThroughRequest, 'headers' | 'method' | 'path'>,
  model: string | null,
  kind: 'stateless' | 'stateful',
  { runtime, caller }: NamedRequest,
): Candidate => {
  const { team } = caller;
  const { routes } = runtime.config;
  const named = request.headers[HEADERS.upstream];
  const [ofModel] = (model === null ? undefined : runtime.table.models.get(model)) ?? [];
  if (kind === 'stateful' && !routes.passThrough.teams.includes(team)) {
    throw new GatewayError(
      'not_allowed',
      `Team "${team}" may not use ${endpointOf(segmentsOf(request.path) ?? [])}: what is kept there is shared by all who may.`,
    );
  }
  if (!mayUseNamed(caller.permissions, model ?? '')) {
    throw new GatewayError(
      'model_not_allowed',
      `This key may not use ${model === null ? 'this path' : `model "${model}"`}.`,
      {
        param: 'model',
      },
    );
  }
  if (ofModel !== undefined && named === undefined) return ofModel;
  if (runtime.table.teams[team]?.routes !== undefined) {
    throw new GatewayError('not_allowed', `Team "${team}" may use its routes and the models that are listed by name.`);
  }
  const upstream = typeof named === 'string' ? named : defaultUpstream(runtime);
  const config = upstream === null ? undefined : routes.upstreams[upstream];
  if (typeof named === 'string' && (config === undefined || config.kind === 'llama')) {
    throw new GatewayError('invalid_value', `No upstream "${named}" takes other requests.`, {
      param: HEADERS.upstream,
    });
  }
  if (upstream === null || config === undefined) {
    const { message } = notFound(request);
    throw new GatewayError('not_found', `${message}. Set passThrough.upstream in routes.yaml to send it on.`);
  }
  return toCandidate(upstream, model);
};

/** As routes.yaml says, else the first upstream of kind `openai`, whose paths these are. */
const defaultUpstream = ({ config: { routes } }: Runtime): string | null => {
  const { upstream } = routes.passThrough;
  if (upstream !== undefined) return upstream === 'none' ? null : upstream;
  return Object.entries(routes.upstreams).find(([, { kind }]) => kind === 'openai')?.[0] ?? null;
};

const toCandidate = (upstream: string, model: string | null): Candidate => ({
  tier: NO_TIER,
  upstream,
  model: model ?? 'none',
  weight: 1,
  capabilities: new Set(),
  apis: new Set(),
  contextTokens: null,
  config: { upstream, weight: 1 },
});

/** The client's body without the right to end its connection: an upstream that answers early leaves us to say so. */
const streamOf = (body: Readable): Readable =>
  Readable.from(body.iterator({ destroyOnReturn: false }), { objectMode: false });

/**
 * The answer from its headers on. What the upstream says of our key is for the operator; an error that is no JSON becomes
 * one; everything else passes.
 */
const begin = async (
  named: NamedRequest,
  request: PassThroughRequest,
  isRead: boolean,
  answer: ForwardAnswer,
  candidate: Candidate,
  meter: AttemptMeter,
): Promise<Reply & { kind: 'bytes' }> => {
  const { status, headers } = answer;
  const contentType = String(headers['content-type'] ?? '');
  if (status === 401 || status === 403) throw await refusalOf(candidate.upstream, answer);
  if (status >= 400 && !contentType.includes('json') && request.method !== 'HEAD') {
    throw withStatus(await refusalOf(candidate.upstream, answer), status);
  }
  meter.firstToken();
  return {
    kind: 'bytes',
    status,
    headers: headersToReturn(headers),
    body: pass(named, answer, new UsageTap(contentType), candidate, meter, isRead),
  };
};

/** Keeps the status that a client of this endpoint would see. */
const withStatus = (error: GatewayError, status: number): GatewayError =>
  error.code === 'not_found' || status >= 500 || status === 429
    ? error
    : new GatewayError('upstream_refused', error.message, {
        upstreamStatus: status,
        relay: { status, body: JSON.stringify(error.toEnvelope()), contentType: 'application/json' },
      });

async function* pass(
  { passage, runtime }: NamedRequest,
  { status, body }: ForwardAnswer,
  tap: UsageTap,
  { upstream }: Candidate,
  meter: AttemptMeter,
  isRead: boolean,
): AsyncGenerator<Uint8Array> {
  let error: GatewayError | null = new GatewayError('client_closed_request', 'The client closed the connection.');
  const end = async () => {
    const refused =
      status >= 400 ? new GatewayError('upstream_refused', `Upstream "${upstream}" answered ${status}.`) : null;
    const fault = error ?? refused;
    const outcome = fault === null ? 'ok' : fault.code === 'client_closed_request' ? 'aborted' : 'error';
    const { tokens, serviceTier } = tap;
    const { kind = 'openai' } = runtime.upstreams.get(upstream) ?? {};
    // What it cost nobody has said, unless nothing was made.
    const isCostUnknown = tokens === null && !isRead && status < 400 && !UPSTREAM_DEFAULTS[kind].isLocal;
    meter.finish({
      outcome,
      errorCode: fault?.code ?? null,
      upstreamStatus: status,
      tokens: tokens ?? NO_TOKENS,
      isCostUnknown,
      serviceTier,
    });
    await passage.finish({ outcome, status, ...(fault && { error: fault }) });
  };
  try {
    for await (const piece of body) {
      tap.add(piece);
      yield piece;
    }
    error = null;
  } catch (thrown) {
    error = toGatewayError(thrown);
    throw error;
  } finally {
    await end();
  }
}
