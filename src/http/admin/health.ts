import { Hono } from 'hono';
import { z } from 'zod';
import type { Health } from '../../contract/admin/health.ts';
import type { Upstream } from '../../upstreams/upstream.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

/** A model host on this machine answers in a millisecond; one that does not is shown without its numbers. */
const HOST_TIMEOUT_MS = 500;

const HostFactsSchema = z.looseObject({
  memoryBytes: z.number().nullish(),
  sequences: z.looseObject({ total: z.number(), free: z.number(), waiting: z.number() }).nullish(),
});

/** Local models, stores, and what happened to either and to upstreams. */
export const healthRoutes = ({ runtime, readiness, healthLog, speeds, clock }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', async (context) => {
    const { config, upstreams } = runtime();
    const local = Object.entries(config.routes.upstreams).flatMap(([name, upstream]) =>
      upstream.kind === 'llama' ? [{ name, model: upstream.model }] : [],
    );
    const localModels = local.map(async ({ name, model }) => {
      const upstream = upstreams.get(name);
      const { state, detail } = upstream?.state() ?? { state: 'disabled', detail: 'not configured' };
      const facts = upstream !== undefined && state === 'ready' ? await hostFacts(upstream, clock) : null;
      const { sequences } = facts ?? {};
      return {
        name,
        model,
        state,
        detail,
        memoryBytes: facts?.memoryBytes ?? null,
        tokensPerSecond: speeds.of(name),
        sequences: sequences ? { busy: sequences.total - sequences.free, all: sequences.total } : null,
        queued: sequences?.waiting ?? null,
      };
    });
    return context.json({
      localModels: await Promise.all(localModels),
      stores: Object.entries(readiness().services).map(([name, service]) => ({ name, ...service })),
      events: healthLog.events(),
    } satisfies Health);
  });

const hostFacts = async (upstream: Upstream, clock: AdminOptions['clock']) => {
  const controller = new AbortController();
  const cancel = clock.after(HOST_TIMEOUT_MS, () => controller.abort(new Error('too slow')));
  try {
    const call = {
      method: 'GET',
      path: '/healthz',
      headers: {},
      body: null,
      isStream: false,
      signal: controller.signal,
    };
    const { body } = await upstream.forward(call);
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    return HostFactsSchema.safeParse(JSON.parse(Buffer.concat(pieces).toString('utf8'))).data ?? null;
  } catch {
    return null;
  } finally {
    cancel();
  }
};
