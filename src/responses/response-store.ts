/** One response that its client asked to be kept. It holds what was asked and answered, so it stays within its team. */
export type StoredResponse = {
  /** `resp_…`: ours, or the upstream's own where that spoke responses itself. */
  id: string;
  team: string;
  /** Unix milliseconds. */
  createdAt: number;
  expiresAt: number;
  /** The response it went on from. */
  previousId: string | null;
  /** The response object as the client got it, JSON. */
  response: string;
  /** The items of its own input, each with an id; a JSON list. What it went on from stands with that response. */
  input: string;
  /** The upstream that answered in its own format, and may hold what only it can read; null where chat was spoken. */
  home: { upstream: string; model: string } | null;
  /** Key of the conversation. */
  session: string | null;
};

/** One item of an input or an output, and where it is from. */
export type StoredItem = { item: Record<string, unknown>; home: StoredResponse['home'] };

/** How long the chain of one response may be. */
export const MAX_CHAIN = 1_000;

/** Beyond these, a team's oldest responses are forgotten first. Bytes are those of `response` and `input`. */
export type ResponseLimits = { perTeam: number; bytesPerTeam: number };
export const RESPONSE_LIMITS: ResponseLimits = { perTeam: 10_000, bytesPerTeam: 256 * 1024 * 1024 };

/**
 * Port: responses by team and id. What has expired is not found. Each method sees only what is of the team it names.
 * @throws GatewayError `response_store_unavailable` where they are kept elsewhere, and that cannot be reached.
 */
export interface ResponseStore {
  /** Keeps a response, in place of one with the same id. Those it goes on from live at least as long from now on. */
  put(response: StoredResponse): Promise<void>;
  get(team: string, id: string): Promise<StoredResponse | null>;
  /** A response with all that it goes on from, oldest first; null where one is missing, or more than `MAX_CHAIN`. */
  chain(team: string, id: string): Promise<StoredResponse[] | null>;
  /** Items of stored responses by their ids, each as the first response had it; those that are not found are not in it. */
  items(team: string, ids: readonly string[]): Promise<Map<string, StoredItem>>;
  /** Whether there was one. */
  delete(team: string, id: string): Promise<boolean>;
  close(): Promise<void>;
}
