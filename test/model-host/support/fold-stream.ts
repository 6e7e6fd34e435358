/** What a stream shows of each choice, put together as a plain answer shows it. Ids of calls are left out: they are drawn. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of any shape
export const foldStream = (chunks: any[]) => {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const choices: any[] = [];
  let confidence: unknown;
  for (const chunk of chunks) {
    confidence ??= chunk.rightsize?.confidence;
    for (const { index, delta, finish_reason, logprobs } of chunk.choices) {
      choices[index] ??= { content: '', reasoning: '', calls: [], tokens: [], finish: null };
      const choice = choices[index];
      choice.content += delta.content ?? '';
      choice.reasoning += delta.reasoning_content ?? '';
      choice.finish = finish_reason ?? choice.finish;
      choice.tokens.push(...tokensOf(logprobs));
      for (const call of delta.tool_calls ?? []) {
        if (call.id) choice.calls[call.index] = { name: call.function.name, arguments: '' };
        choice.calls[call.index].arguments += call.function.arguments;
      }
      if (delta.function_call?.name) choice.calls.push({ name: delta.function_call.name, arguments: '' });
      if (delta.function_call) choice.calls.at(-1).arguments += delta.function_call.arguments;
    }
  }
  return { choices, hasConfidence: confidence !== undefined, usage: chunks.at(-1).usage };
};

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of any shape
export const foldPlain = (body: any) => ({
  // biome-ignore lint/suspicious/noExplicitAny: as above
  choices: body.choices.map(({ message, finish_reason, logprobs }: any) => ({
    content: message.content ?? '',
    reasoning: message.reasoning_content ?? '',
    calls: [
      // biome-ignore lint/suspicious/noExplicitAny: as above
      ...(message.tool_calls ?? []).map((call: any) => ({
        name: call.function.name,
        arguments: call.function.arguments,
      })),
      ...(message.function_call ? [message.function_call] : []),
    ],
    tokens: tokensOf(logprobs),
    finish: finish_reason,
  })),
  hasConfidence: body.rightsize?.confidence !== undefined,
  usage: body.usage,
});

const tokensOf = (logprobs: { content: { token: string }[] } | null | undefined): string[] =>
  (logprobs?.content ?? []).map(({ token }) => token);
