import type {
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaModel,
  Token,
} from 'node-llama-cpp';

/**
 * What node-llama-cpp builds upon and does not show in its types, as of `ENGINE_VERSION`. Its own steps go through
 * generators, timers and locks for each token, which for a small model takes a fifth as long as computing it; see
 * docs/decisions/0022-steps-of-our-own.md.
 */
export type Internals = {
  context: ContextInternals;
  sequence(sequence: LlamaContextSequence): SequenceInternals;
  newSampler(): Sampler;
  grammarState(state: LlamaGrammarEvaluationState): object;
};

type ContextInternals = {
  readonly batchSize: number;
  readonly contextSize: number;
  readonly _ctx: Batch;
  readonly _threadSplitterConsumer?: {
    getAllocationToConsume(): MaybeLater<[threads: number, use: { dispose(): void }]>;
  };
  _reserveThreads(): void;
  _scheduleToFreeReservedThreads(): void;
};
type MaybeLater<T> = T | Promise<T>;

/** One batch at a time: begun, filled, computed; then its logits can be sampled until the next one begins. */
type Batch = {
  initBatch(tokens: number): void;
  /** @returns where in the batch the logits are that were asked for. */
  addToBatch(sequenceId: number, firstIndex: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  setThreads(threads: number): void;
  decodeBatch(): Promise<void>;
  /** @returns the token, or -1 for none. */
  sampleToken(logitIndex: number, sampler: Sampler): Promise<number>;
  sampleToken(
    logitIndex: number,
    sampler: Sampler,
    probabilities: boolean,
    confidence: boolean,
    logits?: LogitFilter,
    totalWeight?: boolean,
  ): Promise<RawSample>;
};
type LogitFilter = [tokens: Token[], highest: boolean, lowest: boolean, selected: boolean, top: number];
/** Pairs are flat: token, value, token, value. The total weight is the sum of exp(logit - highest logit). */
export type RawSample = [
  token: number,
  probabilities?: number[],
  confidence?: number,
  logits?: number[],
  totalWeight?: number,
];

export type Sampler = { applyConfig(config: SamplerConfig): void; dispose(): void };
/** A step of the sampler that is absent is left out. */
export type SamplerConfig = {
  temperature: number;
  topP: number;
  topK?: number;
  minP: number;
  seed: number;
  repeatPenalty?: number;
  repeatPenaltyMaxTokens?: number;
  repeatPenaltyTokens?: Uint32Array;
  repeatPenaltyPresencePenalty?: number;
  repeatPenaltyFrequencyPenalty?: number;
  grammarEvaluationState?: object;
};

export type SequenceInternals = {
  readonly _sequenceId: number;
  _nextTokenIndex: number;
  /** What the sequence has read. */
  readonly _contextTokens: Token[];
  /** Of models whose memory cannot be cut back anywhere, such as those that look only so far. */
  readonly needsCheckpoints: boolean;
  _takeIntervalCheckpointIfNeeded(): Promise<void> | undefined;
};

export const internalsOf = (model: LlamaModel, context: LlamaContext): Internals => {
  const inner = model as unknown as ModelInternals;
  const { AddonSampler } = inner._llama._bindings;
  return {
    context: context as unknown as ContextInternals,
    sequence: (sequence) => sequence as unknown as SequenceInternals,
    newSampler: () => new AddonSampler(inner._model),
    grammarState: (state) => (state as unknown as { _state: object })._state,
  };
};

type ModelInternals = { _model: object; _llama: { _bindings: { AddonSampler: new (model: object) => Sampler } } };
