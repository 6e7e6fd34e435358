const NAMES: Readonly<Record<string, string>> = {
  'everyday-trivial': 'greetings, tiny look-ups and sums',
  'everyday-simple': 'everyday writing, explaining and advice',
  'everyday-middling': 'puzzles, sums of several steps, small programs',
  'everyday-demanding': 'proofs, designs, refactorings, analyses',
  'mmlupro-stem': 'science exam questions with up to ten options',
  'llmrouter-agentverse-logicgrid': 'logic grid puzzles',
  'llmrouter-arc_challenge': 'school science questions',
  'llmrouter-commongen': 'sentences from given words',
  'llmrouter-commonsense_qa': 'common-sense questions with options',
  'llmrouter-gpqa': 'graduate science questions with options',
  'llmrouter-gsm8k': 'sums in words from school',
  'llmrouter-human_eval': 'a function to complete',
  'llmrouter-math': 'mathematics problems',
  'llmrouter-mbpp': 'short programs from a description',
  'llmrouter-mmlu': 'exam and reading questions with four options',
  'llmrouter-natural_qa': 'questions from web searches',
  'llmrouter-openbook_qa': 'elementary science with options',
  'llmrouter-trivia_qa': 'trivia questions',
  'zeroeval-crux': 'the output of a given program',
  'zeroeval-math-l5': 'competition mathematics',
  'zeroeval-numersense-v2': 'which of two numbers is larger',
};

/** A kind of prompt in words; kinds of the user's own training data are called as their source is. */
export const describeKind = (name: string): string => NAMES[name] ?? name;
