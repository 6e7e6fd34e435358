/**
 * Everyday prompts, none of them in the anchors, by the side of the recommended threshold on which each belongs. They pin
 * behaviour and do not measure it: the word lists grew while looking at them, and hard prompts that are missed are not here.
 */
export const RECOMMENDED_THRESHOLD = 0.45;

const REPORT_BUILDER = `class ReportBuilder:
    def __init__(self, db):
        self.db = db
    def build(self, customer_id, start, end):
        rows = self.db.execute("select * from sales where customer = %s" % customer_id)
        total = 0
        for row in rows:
            if row[3] >= start and row[3] <= end:
                total += row[4] * row[5]
        return {"customer": customer_id, "total": total}
`;

export const EASY_PROMPTS = [
  'hi',
  'Hey, what can you do?',
  'What is 2+2?',
  'What is 12 * 12?',
  'What is the capital of France?',
  'Who wrote Pride and Prejudice?',
  "Translate 'good morning' to French",
  'How do you say "cheese" in Italian?',
  'Spell rhythm',
  'Tell me a joke about cats',
  'Convert 30 Celsius to Fahrenheit',
  'Thanks, perfect!',
  'Fix the typo: "teh cat sat on teh mat"',
  'Write a short thank-you note to my neighbour',
  'What does API stand for?',
  'Wie heißt die Hauptstadt von Österreich?',
  'Summarise in one sentence: The museum will be closed next week because the roof is being repaired, and tickets already bought stay valid until the end of May.',
  '法国的首都是哪里?',
  'Write a Python one-liner that prints the numbers 1 to 10',
  'What should I cook tonight with eggs and rice?',
];

export const HARD_PROMPTS = [
  'Prove that there are infinitely many primes congruent to 3 mod 4, and generalise the argument as far as it goes.',
  'Prove that every bounded sequence of real numbers has a convergent subsequence.',
  `Refactor this class to separate data access from computation, keep the public API, remove the SQL injection and add tests:\n\`\`\`python\n${REPORT_BUILDER}\`\`\``,
  'Design a multi-region payment system with exactly-once processing and explain how it behaves in a network partition.',
  'Derive the gradient of the softmax cross-entropy loss and show how to compute it in a numerically stable way.',
  'Debug this: our Kafka consumers rebalance every few minutes under load, lag grows, and some messages are processed twice. List hypotheses, how to verify each, and fixes.',
  'Implement a B-tree with insertion, deletion and range scans in Rust, with tests and an analysis of its complexity.',
  'Write a detailed migration plan from a monolith to microservices for a bank, with risks, rollback and milestones.',
  'Show that the set of continuous functions on [0, 1] is complete under the sup norm but not under the L2 norm.',
  'Analyse this clause for the buyer: "The seller\'s liability is limited to the purchase price except for wilful misconduct; claims expire after six months." Which risks remain and how should it be rewritten?',
  'Compare Raft and Paxos, prove the safety of leader election in Raft, and design a reconfiguration protocol.',
  'Solve: find all integers n such that n^2 + 3n + 5 is divisible by 121, with proof.',
  'Design a randomized controlled trial for a new asthma drug, including sample size calculation, endpoints, interim analysis and handling of missing data.',
  'Optimize this query that scans 300 million rows: explain the plan, propose indexes and partitions, and rewrite it without correlated subqueries.',
  'Entwirf ein verteiltes Lagerverwaltungssystem mit garantierter Konsistenz und begründe die Entscheidungen.',
  'Démontre le théorème de Bolzano-Weierstrass et déduis-en le théorème de Heine.',
  'Demuestra que la suma de los ángulos de un triángulo esférico supera 180 grados y deduce la fórmula del área.',
  '设计一个分布式锁服务,证明其安全性,并分析网络分区下的行为。',
  'Build a financial model for a SaaS company with three pricing tiers, cohort churn and a sensitivity analysis; justify each assumption and recommend a strategy.',
  'Find the race condition in this code, explain the interleaving and implement a lock-free version:\n```go\nif m[k] == nil { m[k] = load(k) }\nreturn m[k]\n```',
];
