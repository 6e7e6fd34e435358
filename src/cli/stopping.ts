/** What is said after the first SIGINT or SIGTERM. */
export const STOPPING = '\nStopping: running requests may end; once more stops at once.\n';

/** Longest wait for running requests after it, in milliseconds. */
export const DRAIN_MS = 30_000;
