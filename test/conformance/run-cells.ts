import { type Cell, type Client, FEATURE_NAMES, FEATURES, type Feature } from './feature.ts';
import { openStages } from './stage.ts';

export type Outcome = { kind: 'green' } | { kind: 'red'; error: Error } | { kind: 'n/a'; reason: string };
export type Result = { client: string; feature: Feature; outcome: Outcome; ms: number };

const CELL_LIMIT_MS = 150_000;

/**
 * Runs every cell of every client against one gateway, all at the same time: most wait for the pauses between retries.
 * `isLocal`: against the model in the box instead of replayed answers. Never rejects for a cell that fails.
 */
export const runCells = async (clients: readonly Client[], isLocal: boolean): Promise<Result[]> => {
  const stages = await openStages(
    clients.map(({ name }) => name),
    isLocal,
  );
  try {
    const cells = clients.flatMap(({ name, cells }) =>
      FEATURE_NAMES.map((feature) => ({ client: name, feature, cell: cells[feature] })),
    );
    const take = createGate(isLocal ? LOCAL_AT_A_TIME : cells.length);
    return await Promise.all(
      cells.map(async ({ client, feature, cell }): Promise<Result> => {
        const reason = 'na' in cell ? cell.na : isLocal && !FEATURES[feature].local ? NEEDS_SCRIPT : null;
        if (reason !== null) return { client, feature, outcome: { kind: 'n/a', reason }, ms: 0 };
        const leave = await take();
        const beganAt = performance.now();
        const outcome = await limited((cell as Cell)(stages.of(client, feature)));
        leave();
        return { client, feature, outcome, ms: Math.round(performance.now() - beganAt) };
      }),
    );
  } finally {
    await stages.close();
  }
};

/** The model in the box refuses what would wait too long. */
const LOCAL_AT_A_TIME = 8;

/** Lets `limit` in at a time, in their order; who is in gets a function that lets the next one in. */
const createGate = (limit: number) => {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const leave = () => {
    inside--;
    waiting.shift()?.();
  };
  return async (): Promise<() => void> => {
    if (inside >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    inside++;
    return leave;
  };
};

const NEEDS_SCRIPT = 'needs an upstream that does as it is told';

const limited = async (promise: ReturnType<Cell>): Promise<Outcome> => {
  let cancel: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = setTimeout(() => reject(new Error(`no end within ${CELL_LIMIT_MS / 1000} s`)), CELL_LIMIT_MS);
  });
  try {
    const result = await Promise.race([promise, late]);
    return result == null ? { kind: 'green' } : { kind: 'n/a', reason: result.na };
  } catch (error) {
    return { kind: 'red', error: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    clearTimeout(cancel);
  }
};
