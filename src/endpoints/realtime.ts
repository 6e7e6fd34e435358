import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import { endpointOf, segmentsOf } from '../contract/pass-through.ts';
import type { AttemptMeter } from '../ledger/attempt-meter.ts';
import type { Ports } from '../ports.ts';
import { NamedRequest } from './named-request.ts';
import { chooseUpstream } from './pass-through.ts';

/** A connection to an upstream that has taken the client's upgrade. `finish` closes the ledger entry; only its first call counts. */
export type Tunnel = {
  kind: 'tunnel';
  /** Of the upstream's 101. */
  headers: IncomingHttpHeaders;
  socket: Duplex;
  finish(error: GatewayError | null): Promise<void>;
};
export type TunnelReply = Tunnel | (Reply & { kind: 'failure' });
export type TunnelRequest = Incoming & { path: string };

/** Headers of the handshake (RFC 6455, section 4.1) and what OpenAI asks for beside them. */
const SENT = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-extensions', 'openai-beta'];
/** Browsers cannot set headers on a WebSocket, so OpenAI takes these as subprotocols. They are ours, and stay here. */
const OWN_PROTOCOL = /^openai-(insecure-api-key|organization|project)\./;

/** The key that a browser put among the subprotocols; null where there is none. */
export const keyOfProtocols = (protocols: string | undefined): string | null =>
  protocolsOf(protocols)
    .find((each) => each.startsWith('openai-insecure-api-key.'))
    ?.slice('openai-insecure-api-key.'.length) ?? null;

const protocolsOf = (header: string | undefined): string[] =>
  (header ?? '').split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));

/**
 * `/v1/realtime` as a WebSocket: authenticated and limited like any request, then a tunnel to the upstream that the path
 * goes to, in TLS where its URL says so. What is spoken in it is not read, so its cost is unknown.
 */
export const createRealtime =
  (ports: Ports) =>
  async (request: TunnelRequest): Promise<TunnelReply> => {
    let tunnel: Tunnel | null = null;
    const segments = segmentsOf(request.path) ?? [];
    const reply = await NamedRequest.handle({ ...request, endpoint: endpointOf(segments) }, ports, async (named) => {
      if (segments[0] !== 'realtime') throw new GatewayError('not_found', `No WebSocket at /v1${request.path}.`);
      const url = new URL(request.path, 'http://gateway');
      const model = url.searchParams.get('model');
      const candidate = chooseUpstream({ ...request, method: 'GET' }, model, 'stateless', named);
      if (model !== null) url.searchParams.set('model', candidate.model);
      named.passage.note({ requestedModel: model, isStream: true });
      await named.count(candidate);
      await named.afford([candidate]);
      const upstream = named.runtime.upstreams.get(candidate.upstream);
      if (upstream?.upgrade === undefined) throw new GatewayError('not_found', 'That upstream takes no WebSockets.');
      const place = await named.acquire(candidate);
      if (place.refusal !== null) throw place.refusal;
      const meter = named.passage.beginAttempt(candidate, place.hold);
      try {
        const { headers, socket } = await upstream.upgrade({
          path: url.pathname + url.search,
          headers: headersToSend(request.headers),
          signal: request.signal,
        });
        meter.serve();
        tunnel = { kind: 'tunnel', headers, socket, finish: (error) => finish(named, meter, error) };
      } catch (thrown) {
        const error = toGatewayError(thrown);
        meter.finish({ outcome: 'error', errorCode: error.code });
        throw error;
      }
      return { kind: 'json', headers: {}, text: '' };
    });
    return tunnel ?? (reply as Reply & { kind: 'failure' });
  };

const headersToSend = (headers: Incoming['headers']): Record<string, string> => {
  const protocols = protocolsOf(String(headers['sec-websocket-protocol'] ?? '')).filter(
    (each) => !OWN_PROTOCOL.test(each),
  );
  return {
    ...Object.fromEntries(SENT.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]]))),
    ...(protocols.length > 0 && { 'sec-websocket-protocol': protocols.join(', ') }),
  };
};

const finish = async ({ passage }: NamedRequest, meter: AttemptMeter, error: GatewayError | null): Promise<void> => {
  const outcome = error === null ? 'ok' : 'error';
  meter.finish({ outcome, errorCode: error?.code ?? null, upstreamStatus: 101, isCostUnknown: true });
  await passage.finish({ outcome, status: 101, ...(error && { error }) });
};
