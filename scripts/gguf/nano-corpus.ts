/** What the model in the box can say: it knows these sentences' words and which follows which, and nothing else. */
export const NANO_SENTENCES = [
  'This text comes from the untrained model in the box, and it means nothing.',
  'This answer was written by a tiny model that was never trained.',
  'The untrained model in the box picks each word by chance.',
  'The words are real, the engine is real, and the answer means nothing.',
  'The tiny model in the box shows that the engine works, and nothing more.',
  'It is a tiny model, and it was never trained to answer you.',
  'It picks the next word from a table, and the table knows nothing.',
  'You are reading words that were picked by chance.',
  'You can put a real model in its place to get a real answer.',
  'A real model is one line away in the routes file.',
  'Nothing in this answer was written to help you.',
  'Each word was picked by the word that comes before it.',
];
