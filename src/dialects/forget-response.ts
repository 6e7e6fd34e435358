import { GatewayError } from '../contract/errors.ts';
import type { Runtime } from '../ports.ts';
import type { StoredResponse } from '../responses/response-store.ts';
import { presetOf } from '../upstreams/presets/preset.ts';

/**
 * Has the upstream that made a response forget its own copy, if it keeps them. One that is not in routes.yaml any more
 * cannot be asked.
 * @throws GatewayError `upstream_*` when it does not: then it is not forgotten, and the client may ask again.
 */
export const forgetAtUpstream = async (
  { id, home }: StoredResponse,
  { upstreams }: Pick<Runtime, 'upstreams'>,
  signal: AbortSignal,
): Promise<void> => {
  const upstream = home === null ? undefined : upstreams.get(home.upstream);
  if (upstream === undefined || presetOf(upstream.kind).keepsAnswers !== true) return;
  const { status, body } = await upstream.forward({
    method: 'DELETE',
    path: `/responses/${encodeURIComponent(id)}`,
    headers: {},
    body: null,
    isStream: false,
    signal,
  });
  // Its words say nothing more, and reading begins and ends the call.
  for await (const _piece of body) break;
  if (status === 404 || (status >= 200 && status < 300)) return;
  const message = `Upstream "${upstream.name}" did not delete its copy (${status}).`;
  throw new GatewayError('upstream_error', message, { upstreamStatus: status });
};
