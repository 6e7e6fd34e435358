/** What the model host tells its parent over IPC, and anyone at `/healthz`. */
export type HostStatus = {
  state: 'downloading' | 'loading' | 'ready' | 'failed';
  /** One sentence for people. */
  detail: string;
  /** 0 to 1, while downloading or loading. */
  progress?: number;
  /** With `ready`: what the model takes, as estimated from its header. */
  memoryBytes?: number;
  /** With `failed`: starting again cannot help before somebody changes a file, a setting or the network. */
  isFinal?: boolean;
};
