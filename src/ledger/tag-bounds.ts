/** Names of tags of a team in a step of time, and values of a name, that roll-ups tell apart. */
const MAX_NAMES = 32;
const MAX_VALUES = 200;
/** Steps remembered at the same time: this hour and day, and some late ones. */
const MAX_STEPS = 8;
/** What values beyond the bound are counted as. */
export const OTHER_VALUE = '(other)';

/**
 * Bounds how many tags are told apart, for clients choose them: beyond 200 values of a name in an hour or day the rest
 * counts as `(other)`, beyond 32 names of a team the rest is in the entries only. Kept in this process; what was there
 * before it is read from the store.
 */
export class TagBounds {
  readonly #read: (team: string, tag: string, at: number) => string[];
  readonly #steps = new Map<number, Map<string, Map<string, Set<string>>>>();

  /** @param read the values of a tag that the store has at that step. */
  constructor(read: (team: string, tag: string, at: number) => string[]) {
    this.#read = read;
  }

  /** The value to count under; null for none. */
  readonly admit = (team: string, tag: string, value: string, at: number): string | null => {
    const names = this.#namesOf(team, at);
    let values = names.get(tag);
    if (values === undefined) {
      if (names.size >= MAX_NAMES) return null;
      values = new Set(this.#read(team, tag, at));
      names.set(tag, values);
    }
    if (values.has(value)) return value;
    if (values.size >= MAX_VALUES) return OTHER_VALUE;
    values.add(value);
    return value;
  };

  #namesOf(team: string, at: number): Map<string, Set<string>> {
    let teams = this.#steps.get(at);
    if (teams === undefined) {
      teams = new Map();
      this.#steps.set(at, teams);
      if (this.#steps.size > MAX_STEPS) this.#steps.delete(Math.min(...this.#steps.keys()));
    }
    let names = teams.get(team);
    if (names === undefined) {
      names = new Map();
      teams.set(team, names);
    }
    return names;
  }
}
