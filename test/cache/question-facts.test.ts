import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differingGuards, factsOfQuestion, type Guard } from '../../src/cache/question-facts.ts';

const differing = (one: string, other: string) => differingGuards(factsOfQuestion(one), factsOfQuestion(other));

test.each([
  ['What is the capital of France?', "Please tell me France's capital."],
  ["What's the capital of France?", 'Can you tell me what the capital city of France is?'],
  ['How do I sort a list in Python?', 'In Python, how can I sort a list?'],
  ['How tall is Mount Everest?', 'What is the height of Mount Everest?'],
  ['Why is the sky blue?', 'How come the sky is blue?'],
  ['Who wrote Hamlet?', 'Who is the author of Hamlet?'],
  ['How many days are in twenty-one weeks?', 'How many days are in 21 weeks?'],
  ['How many metres are 1,500 yards?', 'how many meters are 1500 yards'],
  ['Is it legal to buy this in France?', 'Is it lawful to purchase this in France?'],
  ["Why doesn't my car start?", 'Why does my car not start?'],
])('"%s" and "%s" pass every guard', (one, other) => {
  expect(differing(one, other).filter((guard) => guard !== 'order')).toEqual([]);
});

test.each<[Guard, string, string]>([
  ['numbers', 'What is 5 km in miles?', 'What is 6 km in miles?'],
  ['numbers', 'What is seven times eight?', 'What is seven times nine?'],
  ['numbers', 'Is -3 larger than 2?', 'Is 3 larger than 2?'],
  ['numbers', 'Who was the second president?', 'Who was the third president?'],
  ['units', 'How many cm are 5 inches?', 'How many mm are 5 inches?'],
  ['currencies', 'What is $5 worth?', 'What is €5 worth?'],
  ['dates', 'Is the shop open on Monday?', 'Is the shop open on Sunday?'],
  ['dates', 'Was it warm in June 2020?', 'Was it warm in July 2020?'],
  ['names', 'What does `git push` do?', 'What does `git pull` do?'],
  ['names', 'Who founded Apple?', 'Who founded Orange?'],
  ['names', 'What does parseInt do?', 'What does parseFloat do?'],
  ['negation', 'Is it good to sleep late?', "Isn't it good to sleep late?"],
  ['negation', 'Recipes with nuts', 'Recipes without nuts'],
  ['negation', 'Is this code usable?', 'Is this code unusable?'],
  ['opposites', 'How do I enable dark mode?', 'How do I disable dark mode?'],
  ['opposites', 'What is the cheapest flight?', 'What is the most expensive flight?'],
  ['opposites', 'What should I eat before running?', 'What should I eat after running?'],
  ['opposites', 'Find the minimum of the list', 'Find the maximum of the list'],
  ['tense', 'Who is the king of Spain?', 'Who was the king of Spain?'],
  ['tense', 'What can dogs eat?', 'What should dogs eat?'],
  ['language', 'What is the price of the house?', 'Was ist der Preis?'],
  ['type', 'When was Mozart born?', 'Where was Mozart born?'],
  ['type', 'How do vaccines work?', 'Why do vaccines work?'],
  ['words', 'What is your name?', 'What is my name?'],
  ['words', 'A book by Einstein', 'A book about Einstein'],
  ['order', 'Is tea better than coffee?', 'Is coffee better than tea?'],
  ['order', 'A flight from Paris to London', 'A flight from London to Paris'],
  ['order', 'A flight from Paris to London', 'A flight to Paris from London'],
  ['order', 'Do dogs chase cats?', 'Do cats chase dogs?'],
  ['order', 'Coffee with milk without sugar', 'Coffee without milk with sugar'],
  ['order', 'Do I owe you money?', 'Do you owe me money?'],
])('%s tells "%s" from "%s"', (guard, one, other) => {
  expect(differing(one, other)).toContain(guard);
});

describe('whatever the question, no near-miss of a class passes', () => {
  const word = fc.stringMatching(/^[bcdfgklmnprst][aeou][bdgklmnprt][aeo][bdgklmnprt]$/);
  const frame = fc.constantFrom(
    (a: string, b: string) => `What is the ${a} of the ${b}?`,
    (a: string, b: string) => `Can you tell me how the ${a} helps the ${b}?`,
    (a: string, b: string) => `why does ${a} matter for ${b}`,
    (a: string, b: string) => `Please explain when ${a} began in ${b}.`,
  );
  const differ = (one: string, other: string) => expect(differing(one, other), `${one} / ${other}`).not.toEqual([]);

  test('another number', () => {
    fc.assert(
      fc.property(frame, word, fc.nat(1e6), fc.nat(1e6), (make, a, one, other) => {
        fc.pre(one !== other);
        differ(make(a, `${one} parts`), make(a, `${other} parts`));
      }),
    );
  });

  test('another word in any place', () => {
    fc.assert(
      fc.property(frame, word, word, word, (make, a, b, c) => {
        fc.pre(new Set([a, b, c]).size === 3);
        differ(make(a, b), make(a, c));
        differ(make(a, b), make(c, b));
      }),
    );
  });

  test('the same words the other way round', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        fc.pre(a !== b);
        differ(`Is ${a} better than ${b}?`, `Is ${b} better than ${a}?`);
        differ(`Does ${a} cause ${b}?`, `Does ${b} cause ${a}?`);
        differ(`How do I convert ${a} to ${b}?`, `How do I convert ${b} to ${a}?`);
      }),
    );
  });

  test('negated', () => {
    fc.assert(
      fc.property(word, word, fc.constantFrom('not ', 'never ', 'hardly '), (a, b, negation) => {
        differ(`Does the ${a} need a ${b}?`, `Does the ${a} ${negation}need a ${b}?`);
        differ(`Is a ${a} without ${b} good?`, `Is a ${a} with ${b} good?`);
      }),
    );
  });

  test('a question agrees with itself, and its opening does not count', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(differing(text, text)).toEqual([]);
      }),
    );
    fc.assert(
      fc.property(frame, word, word, (make, a, b) => {
        const [question] = [make(a, b).toLowerCase()];
        expect(differing(question, `hi, please ${question}`).filter((guard) => guard !== 'type')).toEqual([]);
      }),
    );
  });
});
