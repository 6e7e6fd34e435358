import { z } from 'zod';

/** To worker 1: somebody has begun, or ended, to do something with a local model. Ids are the sender's own. */
export const FromFollowerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('open'),
    id: z.int(),
    /** Of which model; see `modelKey` in upstream-registry.ts. */
    key: z.string(),
    /** `join`: the model is in its configuration. `use`: a call. `wait`: for the model to be ready. */
    what: z.enum(['join', 'use', 'wait']),
  }),
  z.strictObject({ kind: z.literal('close'), id: z.int() }),
]);
export type FromFollower = z.infer<typeof FromFollowerSchema>;

/** From worker 1. */
export const FromOwnerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('states'),
    /** Of this start of worker 1: another one knows nothing of what was open. */
    start: z.int(),
    models: z.array(
      z.strictObject({
        key: z.string(),
        socketPath: z.string(),
        state: z.enum(['ready', 'starting', 'down']),
        detail: z.string(),
      }),
    ),
  }),
  /** The end of a `wait`: the model is ready, or why it will not be. */
  z.strictObject({ kind: z.literal('settled'), id: z.int(), refusal: z.string().nullable() }),
]);
export type FromOwner = z.infer<typeof FromOwnerSchema>;
export type ModelStates = Extract<FromOwner, { kind: 'states' }>['models'];

/** A local model as an upstream uses it, in the process that supervises its host or in another; see `Member`. */
export type LocalModel = {
  /** It may be another one after the process that supervises it was started again. */
  readonly socketPath: string;
  state(): { state: 'ready' | 'starting' | 'down'; detail: string };
  begin(): () => void;
  untilReady(signal: AbortSignal): Promise<void>;
};
