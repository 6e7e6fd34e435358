import { type EngineOptions, MODEL_NAME, startGateway } from './engine-servers.ts';
import { streamChat } from './stream-chat.ts';
import { median, newRequest, WORKLOADS } from './workloads.ts';

/** Milliseconds, but for `tokensPerSecond`. */
export type GatewayFigures = {
  /** Median wait for the first content of a short prompt, at the host and through the gateway, in turns. */
  firstTokenAtHost: number;
  firstTokenThroughGateway: number;
  /** Median of the difference within each pair. */
  added: number;
  /** The gateway's event loop while the engine writes `streams` answers. */
  eventLoop: { p50: number; p99: number; max: number };
  streams: number;
};

const PAIRS = 60;
const SHORT = { promptWords: 8, answerTokens: 2 };

/** Starts a gateway with the engine in the box and measures what it adds to its own host. */
export const measureGateway = async (
  options: EngineOptions & { directory: string; rounds: number },
): Promise<GatewayFigures> => {
  const gateway = await startGateway(options, options.directory);
  const toHost = () => firstTokenMs(() => streamChat(gateway.hostTarget, newRequest(SHORT, MODEL_NAME)));
  const toGateway = () => firstTokenMs(() => streamChat(gateway.target, newRequest(SHORT, 'auto')));
  try {
    const pairs: [host: number, gateway: number][] = [];
    for (let pair = -5; pair < PAIRS; pair++) {
      const isHostFirst = pair % 2 === 0;
      const first = await (isHostFirst ? toHost : toGateway)();
      const second = await (isHostFirst ? toGateway : toHost)();
      if (pair >= 0) pairs.push(isHostFirst ? [first, second] : [second, first]);
    }
    gateway.resetEventLoop();
    for (let round = 0; round < options.rounds; round++) {
      await Promise.all(
        Array.from({ length: options.parallel }, () => streamChat(gateway.target, newRequest(WORKLOADS.both, 'auto'))),
      );
    }
    return {
      firstTokenAtHost: median(pairs.map(([host]) => host)),
      firstTokenThroughGateway: median(pairs.map(([, through]) => through)),
      added: median(pairs.map(([host, through]) => through - host)),
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
