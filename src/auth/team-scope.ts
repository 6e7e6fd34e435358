/**
 * What a caller of the admin API may see. Functions that read data for it take a scope, so that none can be called
 * without saying whose data is meant; only `of` makes one.
 */
export class TeamScope {
  readonly #team: string | null;

  private constructor(team: string | null) {
    this.#team = team;
  }

  static of({ team }: { team: string | null }): TeamScope {
    return new TeamScope(team);
  }

  /** The only team whose data may be shown, as a filter for queries; null for all of them. */
  get team(): string | null {
    return this.#team;
  }

  includes(team: string): boolean {
    return this.#team === null || this.#team === team;
  }
}
