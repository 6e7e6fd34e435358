import type { GatewayError } from '../contract/errors.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { ExecuteOptions } from './execute.ts';

/** One attempt under way. */
export type Call = {
  candidate: Candidate;
  upstream: Upstream;
  recorder: AttemptRecorder;
  /** Its answer is the client's: from now on `onFailure` counts against the model. */
  isOut: boolean;
  /** Told when its stream breaks. Before it is out, whoever waits for the call counts the failure. */
  onFailure(error: GatewayError): void;
};

/** @param candidate one whose upstream is configured. */
export const beginCall = (candidate: Candidate, { upstreams, record, health }: ExecuteOptions): Call => {
  const call: Call = {
    candidate,
    upstream: upstreams.get(candidate.upstream) as Upstream,
    recorder: record(candidate),
    isOut: false,
    onFailure: (error) => {
      if (call.isOut) health.ended(candidate, error);
    },
  };
  return call;
};
