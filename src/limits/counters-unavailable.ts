/** Shared counters could not be reached. What was asked of them may or may not have been done. */
export class CountersUnavailable extends Error {
  constructor(reason: string) {
    super(`the shared counters did not answer: ${reason}`);
    this.name = 'CountersUnavailable';
  }
}
