import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import {
  type Behaviour,
  behaviours,
  type Produced,
  STREAM_ONLY,
  slowBehaviours,
  type Voice,
} from './faulty-upstream.ts';

/** Two upstreams that share no word, so that whose answer it is shows in any part of it. */
export const VOICES = {
  'up-small': ['Aspen', ' birch', ' cedar', ',', ' élan', ' ☃ 🙂', ' dogwood', ' elm', ' fir', ' ginkgo'],
  'up-large': ['Onyx', ' beryl', ' agate', ';', ' opále', ' ♜ 🚀', ' jasper', ' topaz', ' ruby', ' quartz'],
} as const;
export type UpstreamName = keyof typeof VOICES;

export const ANSWERS: Record<UpstreamName, string> = {
  'up-small': VOICES['up-small'].join(''),
  'up-large': VOICES['up-large'].join(''),
};

const ALL: Record<string, Behaviour> = { ...behaviours, ...slowBehaviours };
export const behaviourNamed = (name: string): Behaviour => ALL[name] as Behaviour;

/** Tool calls have no words, and so no owner. */
export const FAULTS: readonly string[] = Object.keys(ALL).filter((name) => !name.includes('tool'));
const PLAIN = FAULTS.filter((name) => !STREAM_ONLY.has(name));

/** A fault that says some of its answer first: less than a cascade holds back. */
const BREAKS_LATE = new Set([
  'stall mid-answer',
  'stall mid-chunk',
  'stall mid-character',
  'reset mid-answer',
  'close mid-answer',
  'half a chunk, then a close',
  'clean close without finish_reason',
  'error event after content',
  'an event that is not JSON, after content',
]);

export const isSlow = (name: string): boolean => name in slowBehaviours;
/** Says nothing more until the other side leaves: a limit that ends it has seen everything. */
export const isStall = (name: string): boolean => name.startsWith('stall');

/** What an upstream does with one call, in the form that is asked for. */
export type Draw = { plain: string; streamed: string };

export type FaultCase = {
  index: number;
  /** By call; the last one repeats. Null: nothing listens there. */
  draws: Record<UpstreamName, Draw[] | null>;
  /** Of the first request, and of the one that repeats it where answers are cached. */
  isStream: [boolean, boolean];
  retries: number;
  fallback: 'up' | 'any' | 'none';
  cascade: 'off' | 'sure' | 'unsure';
  hedge: boolean;
  cache: boolean;
  /** The client leaves when an upstream has been asked so often, or so many events have come. */
  leave: { on: 'call' | 'event'; count: number } | null;
};

/** As many cases as asked for; the same seed gives the same ones. */
export const drawCases = (seed: number, count: number): FaultCase[] => {
  const random = seededRandom(seed);
  const pick = <Item>(...items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const chance = (share: number): boolean => random() < share;
  const draw = (): Draw => {
    if (chance(0.35)) return { plain: 'good', streamed: 'good' };
    return { plain: pick(...PLAIN), streamed: pick(...FAULTS) };
  };
  const draws = () => (chance(0.03) ? null : [draw(), draw(), draw()]);
  return Array.from({ length: count }, (_, index) => ({
    index,
    draws: { 'up-small': draws(), 'up-large': draws() },
    isStream: [chance(0.6), chance(0.6)],
    retries: pick(0, 1, 2),
    fallback: pick('up', 'up', 'any', 'none'),
    cascade: pick('off', 'sure', 'unsure'),
    hedge: chance(0.3),
    cache: chance(0.5),
    leave: chance(0.2) ? { on: pick('call', 'event'), count: 1 + Math.floor(random() * 8) } : null,
  }));
};

export const voiceOf = (name: UpstreamName, { cascade }: Pick<FaultCase, 'cascade'>): Voice => ({
  pieces: VOICES[name],
  certainty: name === 'up-large' || cascade === 'off' ? null : cascade === 'sure' ? 0.95 : 0.2,
});

const HELD_TOKENS = 6;

export const routeOf = ({ retries, fallback, cascade, hedge, cache }: FaultCase): Record<string, unknown> => ({
  difficulty: undefined,
  tier: 'small',
  retries,
  fallback,
  ...(cascade !== 'off' && { escalate: { tokens: HELD_TOKENS, hedge, ...(hedge && { maxHold: '60ms' }) } }),
  ...(cache && { cache: { ttl: '1h' } }),
});

/** Who must have answered the first request of a client that stays, whatever the weather; null where nobody has to. */
export const owedBy = ({
  draws,
  isStream,
  fallback,
  cascade,
  hedge,
  leave,
}: FaultCase): UpstreamName | 'any' | null => {
  if (leave !== null) return null;
  const isCascaded = cascade !== 'off' && fallback !== 'none';
  const form = isStream[0] || isCascaded ? 'streamed' : 'plain';
  const isGood = (drawn: Draw[] | null) => drawn?.every((each) => each.plain === 'good' && each.streamed === 'good');
  const { 'up-small': small, 'up-large': large } = draws;
  if (isGood(small) && !(isCascaded && (cascade === 'unsure' || hedge))) return 'up-small';
  if (fallback === 'none' || !isGood(large)) return null;
  const isHeld = isCascaded && !hedge;
  const endsIt = (drawn: Draw) =>
    drawn[form] === 'envelope 400' ||
    isSlow(drawn[form]) ||
    (form === 'streamed' && BREAKS_LATE.has(drawn[form]) && !isHeld);
  return (small ?? []).some(endsIt) ? null : 'any';
};

export const NOTHING: Produced = { promptTokens: 0, completionTokens: 0 };
