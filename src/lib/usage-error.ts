/** A mistake on the command line: printed as one line, exit code 2. Everything else that fails exits with 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
