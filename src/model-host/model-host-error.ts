/**
 * A reason why no model can be served, in words that say what to do. Starting again does not cure it; anything else
 * that is thrown while starting is a crash, and may pass.
 */
export class ModelHostError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelHostError';
  }
}
