import type { LookUp } from './cache/look-up.ts';
import type { Similar } from './cache/semantic-look-up.ts';
import type { ChatCompletion } from './contract/openai.ts';
import { type StreamPart, toPart } from './contract/stream-part.ts';
import { NO_TOKENS } from './ledger/tokens.ts';
import type { Clock } from './lib/clock.ts';
import { newId } from './lib/id.ts';
import type { Answer, Passage, ServedBy } from './passage.ts';
import type { PartStream } from './upstreams/upstream.ts';

type Found = Exclude<LookUp, { kind: 'absent' }>;

/** What the cache has found, as an answer of this request's own: with its own id and time, and the usage that it had. */
export const answerWith = (found: Found, passage: Passage, clock: Pick<Clock, 'now'>): Answer =>
  found.kind === 'stored' ? replay(found, passage, clock.now()) : share(found, passage, clock.now());

const replay = (
  { place, answer, needsRefresh, similar }: Found & { kind: 'stored' },
  passage: Passage,
  now: number,
): Answer => {
  const { tokens, storedAt, completion } = answer;
  const ageMs = Math.max(0, now - storedAt);
  passage.aged(ageMs);
  const hit = similar && `semantic cache hit, similarity ${similar.similarity.toFixed(3)}`;
  passage.because([hit ?? (needsRefresh ? 'cache hit, being refreshed' : 'cache hit')]);
  noteSource(passage, answer, place.key, ageMs, similar);
  passage.note({ replayedTokens: { ...NO_TOKENS, ...tokens } });
  return plain(answer, completion, { tokens }, now);
};

const share = ({ place, answer }: Found & { kind: 'shared' }, passage: Passage, now: number): Answer => {
  const { candidate, recorder } = answer;
  passage.because(['shared with an identical request']);
  noteSource(passage, candidate, place.key, 0, null);
  if (answer.kind === 'plain') {
    passage.note({ replayedTokens: recorder.tokens });
    return plain(candidate, answer.completion, recorder, now);
  }
  const note = () => passage.note({ replayedTokens: recorder.tokens });
  const parts = renamed(answer.parts, identityAt(now), note);
  return { kind: 'stream', candidate: servedBy(candidate), parts, recorder, remember: null };
};

const noteSource = (passage: Passage, by: ServedBy, key: string, ageMs: number, similar: Similar | null): void => {
  const { similarity, guards } = similar ?? { similarity: null, guards: null };
  passage.note({ ...servedBy(by), cacheEntry: { key, ageMs, similarity, guards } });
};

const plain = (by: ServedBy, old: ChatCompletion, recorder: Answer['recorder'], now: number): Answer => {
  const completion = { ...old, ...identityAt(now) };
  const text = JSON.stringify(completion);
  return { kind: 'plain', candidate: servedBy(by), completion, text, recorder, remember: null };
};

const identityAt = (now: number): { id: string; created: number } => ({
  id: newId('chatcmpl', now),
  created: Math.floor(now / 1000),
});

const servedBy = ({ tier, upstream, model }: ServedBy): ServedBy => ({ tier, upstream, model });

async function* renamed(
  batches: PartStream,
  identity: { id: string; created: number },
  onEnd: () => void,
): AsyncGenerator<StreamPart[]> {
  try {
    for await (const batch of batches) yield batch.map(({ chunk }) => toPart({ ...chunk, ...identity }));
  } finally {
    onEnd();
  }
}
