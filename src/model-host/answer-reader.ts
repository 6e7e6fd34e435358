import type { ReasoningMarks } from './reasoning.ts';
import { StopGate } from './stop-gate.ts';
import { type CallPart, ToolCallReader } from './tool-call-reader.ts';
import type { CallMarker, ToolSyntax } from './tool-syntax.ts';

/** What a piece of text adds to an answer. */
export type AnswerDelta = { type: 'reasoning'; text: string } | { type: 'content'; text: string } | CallPart;

/** Where the text goes on as something else; `rest` is what came after the mark. */
export type Turn = { to: 'content' } | { to: 'reasoning' } | { to: 'calls'; marker: CallMarker };
export type ReadResult = {
  deltas: AnswerDelta[];
  turn: Turn | null;
  rest: string;
  isStopped: boolean;
  dropped: number;
};

export type ReaderOptions = {
  stops: string[];
  marks: ReasoningMarks | null;
  /** Null when no call may come up. */
  syntax: ToolSyntax | null;
  startsIn: 'reasoning' | 'content';
};

type State = 'reasoning' | 'opening' | 'content' | 'calls';

/**
 * Tells apart what a model writes into one text: what it thinks, what it says, and the functions it calls. Each in
 * pieces cut anywhere. A turn ends the piece; the caller hands over the rest again, or drops it.
 */
export class AnswerReader {
  readonly #options: ReaderOptions;
  #state: State;
  #gate: StopGate;
  #opening = '';
  #hasThought = false;
  #calls: ToolCallReader | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#state = options.startsIn;
    this.#gate = new StopGate([]);
    if (options.startsIn === 'reasoning') this.turn({ to: 'reasoning' });
    else this.#open();
  }

  get state(): State {
    return this.#state;
  }

  /** Goes on as something else, as a `push` reported or because the caller forced it. */
  turn(turn: Turn): void {
    if (turn.to === 'reasoning') {
      this.#state = 'reasoning';
      this.#hasThought = true;
      this.#gate = new StopGate([this.#options.marks!.close]);
    } else if (turn.to === 'calls') {
      this.#state = 'calls';
      this.#calls = new ToolCallReader(this.#options.syntax!, turn.marker.beforeName);
    } else this.#open();
  }

  push(text: string): ReadResult {
    switch (this.#state) {
      case 'reasoning': {
        const read = this.#gate.push(text);
        const deltas = toDelta('reasoning', read.text);
        return { ...nothing, deltas, turn: read.stop === null ? null : { to: 'content' }, rest: read.rest };
      }
      case 'opening':
        return this.#pushOpening(text);
      case 'content': {
        const read = this.#gate.push(text);
        const marker = this.#options.syntax?.markers.find((candidate) => candidate.text === read.stop);
        const isMarker = marker !== undefined && !this.#options.stops.includes(marker.text);
        return {
          ...nothing,
          deltas: toDelta('content', read.text),
          turn: isMarker ? { to: 'calls', marker } : null,
          rest: read.rest,
          isStopped: read.stop !== null && !isMarker,
        };
      }
      case 'calls':
        return { ...nothing, deltas: this.#calls!.push(text) };
      default:
        return this.#state satisfies never;
    }
  }

  /** What was held back, when nothing follows any more. */
  flush(): AnswerDelta[] {
    if (this.#state === 'calls') return [];
    if (this.#state === 'opening') return toDelta('content', this.#opening);
    return toDelta(this.#state, this.#gate.flush());
  }

  #open(): void {
    const { marks, syntax, stops } = this.#options;
    this.#opening = '';
    this.#gate = new StopGate([...stops, ...(syntax?.markers ?? []).flatMap((m) => (m.isAtStart ? [] : [m.text]))]);
    this.#state = (marks && !this.#hasThought) || syntax || this.#hasThought ? 'opening' : 'content';
  }

  /** Space before the first word is held until it is clear what that word begins. */
  #pushOpening(text: string): ReadResult {
    this.#opening += text;
    const begun = this.#opening.trimStart();
    const { marks, syntax } = this.#options;
    const openings: [string, Turn][] = [
      ...(marks && !this.#hasThought ? [[marks.open, { to: 'reasoning' }] as [string, Turn]] : []),
      ...(syntax?.markers ?? []).map((marker): [string, Turn] => [marker.text, { to: 'calls', marker }]),
    ];
    const found = openings.find(([mark]) => begun.startsWith(mark));
    if (found) return { ...nothing, turn: found[1], rest: begun.slice(found[0].length) };
    if (openings.some(([mark]) => mark.startsWith(begun)) || begun === '') return nothing;
    // After a thought, the space before the answer belongs to neither.
    const content = this.#hasThought ? begun : this.#opening;
    const dropped = this.#opening.length - content.length;
    this.#opening = '';
    this.#state = 'content';
    return { ...this.push(content), dropped };
  }
}

const nothing: ReadResult = { deltas: [], turn: null, rest: '', isStopped: false, dropped: 0 };

const toDelta = (type: 'reasoning' | 'content', text: string): AnswerDelta[] => (text === '' ? [] : [{ type, text }]);
