/**
 * The requests that all load tests and benchmarks send: 1 kB of JSON each, an everyday errand or a demanding task.
 * Plain TypeScript without imports, since k6 and Node both read it.
 */
const BODY_BYTES = 1024;

const ERRAND =
  'What are the opening hours in this note, and on which day is the shop closed? Answer in one short sentence. ' +
  'The note says: dear neighbours, from next week on we bake again, the bread is on the shelf at seven in the morning, ' +
  'the rolls a little later, and the cake in the afternoon. On Sunday the oven stays cold and so does the coffee. ' +
  'In summer there is lemonade in the yard for the children, and a bench in the shade for everybody else. ' +
  'Bring your own bag, please, and a little patience. ';

const TASK =
  'Design an order service that survives the loss of any one machine: prove that no order is charged twice, compare an ' +
  'outbox table with change data capture step by step, derive the longest time an order may stay unconfirmed, and ' +
  'implement the consumer in TypeScript with idempotent retries, a schema for the table, its indexes and unit tests. ' +
  'Every trade-off must be justified, the migration has to run without downtime, and the audit log must stay complete. ';

export type ChatBodyOptions = {
  /** Text that no other request has, so that the cache does not know it: ASCII without quotes and backslashes. */
  id: string;
  isHard?: boolean;
  isStream?: boolean;
};

/** A request body of exactly 1 kB while `id` stays under 40 characters. */
export const chatBody = ({ id, isHard = false, isStream = false }: ChatBodyOptions): string => {
  const text = isHard ? TASK : ERRAND;
  const toBody = (filler: string) =>
    JSON.stringify({
      model: 'auto',
      messages: [{ role: 'user', content: `Request ${id}. ${text}${filler}` }],
      max_tokens: 256,
      ...(isStream && { stream: true, stream_options: { include_usage: true } }),
    });
  const missing = BODY_BYTES - toBody('').length;
  return toBody(text.repeat(2).slice(0, Math.max(0, missing)));
};
