/** `GET /admin/api/health`: what `/admin/api/status` does not tell. */
export type Health = {
  /** One for each `llama` upstream. Numbers are null while its host does not tell them. */
  localModels: {
    name: string;
    /** The GGUF as routes.yaml names it. */
    model: string;
    state: string;
    detail: string;
    memoryBytes: number | null;
    /** Of recent streamed answers, each by itself. */
    tokensPerSecond: number | null;
    sequences: { busy: number; all: number } | null;
    /** Requests that wait for a sequence. */
    queued: number | null;
  }[];
  /** Redis, SQLite and Postgres, as far as they are configured. */
  stores: { name: string; state: string; detail: string }[];
  /** At most 500, the latest first. */
  events: HealthEvent[];
};

/** A change of state that somebody on call wants to know of. `at` is Unix milliseconds. */
export type HealthEvent = {
  at: number;
  /** Such as `openai/gpt-5.1`, `redis`, `routes.yaml`. */
  subject: string;
  state: string;
  text: string;
};
