import type { ToolSyntax } from './tool-syntax.ts';

export type CallPart =
  | { type: 'call-start'; index: number; name: string }
  | { type: 'arguments-delta'; index: number; text: string };

type State = 'before-name' | 'name' | 'arguments' | 'after' | 'between';

/** Reads the text after a marker, in pieces cut anywhere, as calls: each name whole, then its arguments as they come. */
export class ToolCallReader {
  readonly #syntax: ToolSyntax;
  #held: string;
  #skip: string;
  #state: State = 'before-name';
  #index = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(syntax: ToolSyntax, beforeName: string) {
    this.#syntax = syntax;
    this.#skip = beforeName;
    this.#held = '';
  }

  push(text: string): CallPart[] {
    this.#held += text;
    const parts: CallPart[] = [];
    while (this.#step(parts));
    return parts;
  }

  /** Whether something more can be read from what is held. */
  #step(parts: CallPart[]): boolean {
    switch (this.#state) {
      case 'before-name':
        return this.#skipTo('name');
      case 'name': {
        const end = this.#held.indexOf(this.#syntax.beforeArguments);
        if (end < 0) return false;
        parts.push({ type: 'call-start', index: this.#index, name: this.#held.slice(0, end) });
        this.#held = this.#held.slice(end + this.#syntax.beforeArguments.length);
        this.#state = 'arguments';
        return true;
      }
      case 'arguments': {
        const length = this.#argumentsLength();
        if (length > 0) parts.push({ type: 'arguments-delta', index: this.#index, text: this.#held.slice(0, length) });
        this.#held = this.#held.slice(length);
        if (this.#depth > 0 || length === 0) return false;
        this.#skip = this.#syntax.afterArguments;
        this.#state = 'after';
        return true;
      }
      case 'after':
        return this.#skipTo('between');
      case 'between':
        if (this.#held === '' || this.#syntax.between === null) return false;
        this.#index++;
        this.#skip = this.#syntax.between;
        this.#state = 'before-name';
        return true;
      default:
        return this.#state satisfies never;
    }
  }

  #skipTo(next: State): boolean {
    if (this.#held.length < this.#skip.length) return false;
    this.#held = this.#held.slice(this.#skip.length);
    this.#state = next;
    return true;
  }

  /** How much of the held text belongs to the object that arguments are. */
  #argumentsLength(): number {
    for (let at = 0; at < this.#held.length; at++) {
      const character = this.#held[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isInString) {
        if (character === '\\') this.#isEscaped = true;
        else if (character === '"') this.#isInString = false;
      } else if (character === '"') this.#isInString = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if ((character === '}' || character === ']') && --this.#depth === 0) return at + 1;
    }
    return this.#held.length;
  }
}
