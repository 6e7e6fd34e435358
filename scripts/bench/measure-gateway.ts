import { type EngineOptions, MODEL_NAME, startGateway } from './engine-servers.ts';
import { streamChat } from './stream-chat.ts';
import { median, newRequest, WORKLOADS } from './workloads.ts';

/** Milliseconds, but for `tokensPerSecond`. */
export type GatewayFigures = {
  /** Right after its start, and when it has answered `WARM_REQUESTS`: V8 compiles what runs often. */
  cold: FirstToken;
  warm: FirstToken;
  /** The gateway's event loop while the engine writes `streams` answers. */
  eventLoop: { p50: number; p99: number; max: number };
  streams: number;
};

/** Median wait for the first content of a short prompt, at the host and through the gateway, in turns. */
export type FirstToken = {
  atHost: number;
  throughGateway: number;
  /** Median of the difference within each pair. */
  added: number;
};

const PAIRS = 60;
export const WARM_REQUESTS = 1_000;
const SHORT = { promptWords: 8, answerTokens: 2 };

/** Starts a gateway with the engine in the box and measures what it adds to its own host. */
export const measureGateway = async (
  options: EngineOptions & { directory: string; rounds: number },
): Promise<GatewayFigures> => {
  const gateway = await startGateway(options, options.directory);
  const toHost = () => firstTokenMs(() => streamChat(gateway.hostTarget, newRequest(SHORT, MODEL_NAME)));
  const toGateway = () => firstTokenMs(() => streamChat(gateway.target, newRequest(SHORT, 'auto')));
  try {
    const measure = async (): Promise<FirstToken> => {
      const pairs: [host: number, gateway: number][] = [];
      for (let pair = -5; pair < PAIRS; pair++) {
        const isHostFirst = pair % 2 === 0;
        const first = await (isHostFirst ? toHost : toGateway)();
        const second = await (isHostFirst ? toGateway : toHost)();
        if (pair >= 0) pairs.push(isHostFirst ? [first, second] : [second, first]);
      }
      return {
        atHost: median(pairs.map(([host]) => host)),
        throughGateway: median(pairs.map(([, through]) => through)),
        added: median(pairs.map(([host, through]) => through - host)),
      };
    };
    const cold = await measure();
    for (let sent = 0; sent < WARM_REQUESTS; sent += options.parallel) {
      await Promise.all(Array.from({ length: options.parallel }, toGateway));
    }
    const warm = await measure();
    gateway.resetEventLoop();
    for (let round = 0; round < options.rounds; round++) {
      await Promise.all(
        Array.from({ length: options.parallel }, () => streamChat(gateway.target, newRequest(WORKLOADS.both, 'auto'))),
      );
    }
    return {
      ...{ cold, warm },
      eventLoop: await gateway.eventLoop(),
      streams: options.parallel,
    };
  } finally {
    await gateway.stop();
  }
};

const firstTokenMs = async (send: () => ReturnType<typeof streamChat>): Promise<number> => {
  const { startedAt, firstAt } = await send();
  return firstAt - startedAt;
};
