import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import { Member, type MemberOptions } from './fleet-member.ts';
import { toGigabytes } from './machine-memory.ts';

export type FleetOptions = {
  /** How much memory all running hosts together may take, in bytes, once it is known; nothing is loaded before. */
  budgetBytes: Promise<number>;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How long a model stays in memory at least, once it is ready, before another one may push it out. */
  minResidencyMs?: number;
};

export type JoinOptions = MemberOptions & { load: 'eager' | 'on-demand' };

const MIN_RESIDENCY_MS = 30_000;

/**
 * The local models of one gateway and the memory that they share. A model is loaded when it is used, and stays for its
 * `keepAliveMs`. When memory does not suffice for one that is wanted, the least recently used idle ones go, but never
 * one that answers a request, and none before it was there for `minResidencyMs`: so two models that take turns change
 * places twice a minute at most, and who waits in between does so within the limits of its own request. A model that is
 * larger than the budget runs alone.
 */
export class ModelFleet {
  readonly #options: FleetOptions;
  readonly #members = new Set<Member>();
  /** First come, first served. */
  #queue: Member[] = [];
  #budgetBytes: number | null = null;
  #cancelTimer = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
    options.budgetBytes.then(
      (bytes) => {
        this.#budgetBytes = bytes;
        this.#pump();
      },
      (error: unknown) => options.logger.error({ err: error }, 'the memory for local models is not known'),
    );
  }

  /** Takes a model in; with `eager` it is loaded now if there is room, and pushes nobody out. */
  join({ load, ...options }: JoinOptions): Member {
    const member = new Member(options, {
      onWanted: (wanted) => this.#enqueue(wanted),
      onChange: () => this.#pump(),
      isBudgetKnown: () => this.#budgetBytes !== null,
    });
    this.#members.add(member);
    if (load === 'eager') {
      member.isWantedInAdvance = true;
      this.#enqueue(member);
    }
    return member;
  }

  /** Ends a model's host and forgets it. */
  async leave(member: Member): Promise<void> {
    this.#queue = this.#queue.filter((queued) => queued !== member);
    await member.remove();
    this.#members.delete(member);
    this.#pump();
  }

  #enqueue(member: Member): void {
    if (!member.isQueued) {
      member.isQueued = true;
      this.#queue.push(member);
    }
    this.#pump();
  }

  #pump(): void {
    this.#cancelTimer();
    if (this.#budgetBytes === null) return;
    // Those whose last client has left need no memory any more.
    for (const member of this.#queue) member.isQueued = member.uses > 0 || member.isWantedInAdvance;
    this.#queue = this.#queue.filter((member) => member.isQueued);
    for (const member of [...this.#queue]) {
      if (member.isClosing || this.#tryToLoad(member, this.#budgetBytes)) continue;
      // One after the other: what is being freed is for the first in the queue.
      if (member.uses > 0 && this.#makeRoom(member, this.#budgetBytes)) break;
    }
  }

  #tryToLoad(member: Member, budgetBytes: number): boolean {
    const usedBytes = this.#usedBytes();
    const isAlone = [...this.#members].every((other) => other.usedBytes === 0);
    if (usedBytes + member.neededBytes > budgetBytes && !isAlone) return false;
    if (member.neededBytes > budgetBytes) {
      const sizes = `${toGigabytes(member.neededBytes)} of the ${toGigabytes(budgetBytes)}`;
      this.#log('warn', member, `takes about ${sizes} that all local models may use, so no other runs beside it`);
    }
    this.#queue = this.#queue.filter((queued) => queued !== member);
    member.load();
    return true;
  }

  /** Has the least recently used idle models unloaded, if that gives enough. @returns whether room is being made. */
  #makeRoom(member: Member, budgetBytes: number): boolean {
    if ([...this.#members].some((other) => other.isClosing)) return true;
    const { clock, minResidencyMs = MIN_RESIDENCY_MS } = this.#options;
    let missingBytes = this.#usedBytes() - Math.max(0, budgetBytes - member.neededBytes);
    const idle = [...this.#members]
      .filter((other) => other.isLoaded && other.uses === 0 && other.usedBytes > 0 && other.readySince !== null)
      .map((other) => ({ other, waitMs: (other.readySince ?? 0) + minResidencyMs - clock.elapsed() }))
      .sort((a, b) => a.other.lastUsed - b.other.lastUsed);
    const victims: Member[] = [];
    for (const { other, waitMs } of idle) {
      if (missingBytes <= 0 || waitMs > 0) continue;
      victims.push(other);
      missingBytes -= other.usedBytes;
    }
    if (missingBytes > 0) {
      const waits = idle.map(({ waitMs }) => waitMs).filter((waitMs) => waitMs > 0);
      if (waits.length > 0) this.#cancelTimer = clock.after(Math.min(...waits), () => this.#pump());
      return false;
    }
    for (const victim of victims) {
      this.#log('info', victim, `is unloaded to make room for ${member.options.name}`);
      void victim.unload(`it made room for ${member.options.name}; `);
    }
    return true;
  }

  #usedBytes(): number {
    return [...this.#members].reduce((sum, member) => sum + member.usedBytes, 0);
  }

  #log(level: 'info' | 'warn', { options: { name } }: Member, what: string): void {
    this.#options.logger[level]({ modelHost: name }, `${name} ${what}`);
  }
}
