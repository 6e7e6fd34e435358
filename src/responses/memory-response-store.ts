import type { Clock } from '../lib/clock.ts';
import {
  MAX_CHAIN,
  RESPONSE_LIMITS,
  type ResponseLimits,
  type ResponseStore,
  type StoredItem,
  type StoredResponse,
} from './response-store.ts';
import { bytesOf, idOf, itemsOf } from './stored-items.ts';

/** Oldest first: a map keeps the order in which its keys were added. */
type Team = { responses: Map<string, StoredResponse>; holders: Map<string, string>; bytes: number };

/** Keeps responses in this process. */
export class MemoryResponseStore implements ResponseStore {
  readonly #clock: Clock;
  readonly #limits: ResponseLimits;
  readonly #teams = new Map<string, Team>();

  constructor(clock: Clock, limits = RESPONSE_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  async put(response: StoredResponse): Promise<void> {
    const team = this.#teams.get(response.team) ?? { responses: new Map(), holders: new Map(), bytes: 0 };
    this.#teams.set(response.team, team);
    for (const old of (response.previousId && (await this.chain(response.team, response.previousId))) || []) {
      team.responses.set(old.id, { ...old, expiresAt: Math.max(old.expiresAt, response.expiresAt) });
    }
    forget(team, response.id);
    team.responses.set(response.id, { ...response });
    team.bytes += bytesOf(response);
    for (const stored of itemsOf(response)) {
      const id = idOf(stored);
      if (id !== null && !team.holders.has(id)) team.holders.set(id, response.id);
    }
    const { perTeam, bytesPerTeam } = this.#limits;
    for (const { id, expiresAt } of team.responses.values()) {
      const isTooMuch = team.responses.size > perTeam || team.bytes > bytesPerTeam;
      if (isTooMuch || expiresAt <= this.#clock.now()) forget(team, id);
      else if (!isTooMuch) break;
    }
  }

  async get(team: string, id: string): Promise<StoredResponse | null> {
    const found = this.#teams.get(team)?.responses.get(id);
    return found !== undefined && found.expiresAt > this.#clock.now() ? { ...found } : null;
  }

  async chain(team: string, id: string): Promise<StoredResponse[] | null> {
    const chain: StoredResponse[] = [];
    for (let next: string | null = id; next !== null; ) {
      const found: StoredResponse | null = await this.get(team, next);
      if (found === null || chain.length === MAX_CHAIN) return null;
      chain.unshift(found);
      next = found.previousId;
    }
    return chain;
  }

  async items(team: string, ids: readonly string[]): Promise<Map<string, StoredItem>> {
    const items = new Map<string, StoredItem>();
    for (const id of ids) {
      const holder = this.#teams.get(team)?.holders.get(id);
      const response = holder === undefined ? null : await this.get(team, holder);
      const stored = response && itemsOf(response).find((item) => idOf(item) === id);
      if (stored) items.set(id, stored);
    }
    return items;
  }

  async delete(team: string, id: string): Promise<boolean> {
    const isThere = (await this.get(team, id)) !== null;
    const own = this.#teams.get(team);
    if (own !== undefined) forget(own, id);
    return isThere;
  }

  async close(): Promise<void> {
    this.#teams.clear();
  }
}

const forget = (team: Team, id: string): void => {
  const old = team.responses.get(id);
  if (old === undefined) return;
  team.responses.delete(id);
  team.bytes -= bytesOf(old);
  for (const stored of itemsOf(old)) {
    const itemId = idOf(stored);
    if (itemId !== null && team.holders.get(itemId) === id) team.holders.delete(itemId);
  }
};
