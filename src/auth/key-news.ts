/** Port: how gateways tell each other at once that a key has changed. Without it each finds out within seconds. */
export interface KeyNews {
  /** Resolves when the others have been told, or cannot be now. Never rejects. */
  tell(id: string, version: number): Promise<void>;
  /**
   * @param onMissed called when news may have been missed.
   * @returns what ends it.
   */
  listen(onChange: (id: string, version: number) => void, onMissed: () => void): () => void;
}
