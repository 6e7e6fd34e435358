/** One message as the classifier sees it: text parts joined by newlines, other parts only counted. */
export type Turn = { role: 'system' | 'user' | 'assistant' | 'tool'; text: string };

/** What the classifier reads of a request: its words and a few structural facts, whatever wire dialect it came in. */
export type Conversation = {
  /** Oldest first. `developer` counts as system, `function` as tool. */
  turns: Turn[];
  toolCount: number;
  imageCount: number;
  /** `response_format` asks for JSON or a schema. */
  wantsJson: boolean;
  /** OpenAI's `reasoning_effort`, when the client set one. */
  reasoningEffort: string | null;
};
