import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/id.ts';
import type { Logger } from '../lib/logger.ts';
import type { ServedBy } from '../passage.ts';
import type { ResponseStore } from '../responses/response-store.ts';
import type { Item } from '../translate/responses/request-body.ts';

export type Keeping = {
  team: string;
  isKept: boolean;
  ttlMs: number;
  served: ServedBy;
  session: string | null;
  previousId: string | null;
  /** Its own input, with what it refers to in the place of references. */
  input: readonly Item[];
};

/** Keeps the response of one request, where its client and routes.yaml want it kept. */
export class ResponseKeeper {
  readonly #keeping: Keeping;
  readonly #ports: { store: ResponseStore; clock: Clock; logger: Logger };

  constructor(keeping: Keeping, ports: { store: ResponseStore; clock: Clock; logger: Logger }) {
    this.#keeping = keeping;
    this.#ports = ports;
  }

  get isKept(): boolean {
    return this.#keeping.isKept;
  }

  /**
   * Resolves when it is kept. The answer is worth more than its copy: a failure is logged, and that is all.
   * @param text the response object, JSON. @param isNative it came from an upstream that speaks responses.
   */
  async keep(id: string, text: string, isNative: boolean): Promise<void> {
    const { team, isKept, ttlMs, served, session, previousId, input } = this.#keeping;
    // An upstream may have given it no id to find it by.
    if (!isKept || id === '') return;
    const { store, clock, logger } = this.#ports;
    const now = clock.now();
    const { upstream, model } = served;
    try {
      await store.put({
        id,
        team,
        createdAt: now,
        expiresAt: now + ttlMs,
        previousId,
        response: text,
        input: JSON.stringify(input.map((item) => withId(item, now))),
        home: isNative ? { upstream, model } : null,
        session,
      });
    } catch (error) {
      logger.warn({ err: error, id }, 'a response could not be kept');
    }
  }
}

const ID_PREFIXES: Record<string, string> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  custom_tool_call: 'ctc',
};

/** An input item as it can be listed: with its type, an id, and a bare text as the part that it stands for. */
const withId = (item: Item, now: number): Item => {
  const type = item.type ?? 'message';
  const { content } = item;
  const part = item['role'] === 'assistant' ? { type: 'output_text', annotations: [] } : { type: 'input_text' };
  return {
    ...item,
    type,
    id: item.id ?? newId(ID_PREFIXES[type] ?? 'item', now),
    ...(typeof content === 'string' && { content: [{ ...part, text: content }] }),
  };
};
